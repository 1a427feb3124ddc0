"""Conformance of a game's rules: determinism, turns, ends, illegal steps, parsing, faults, clones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import numpy as np
import pytest

from arena.canonical import generator, key
from arena.game import IllegalActionError, Move, StepResult, UnparsableAnswerError
from arena.testing.hooks import Hooks
from arena.testing.playing import (
    NOTHING,
    Moment,
    begun,
    drawn,
    every_view,
    hashes,
    legal_actions,
    parted,
    played,
    seed,
    tick,
)

FORFEITED = 5  # a seat forfeits after so many ticks, when rewards may have been given


class Rules(Hooks):
    """Tests of a game's rules."""

    def test_a_match_is_played_from_reset_to_its_end(self) -> None:
        """A match is played from reset to its end, and raises nothing.

        Repair: `why` is what the game raised, `where` the line. A method or an attribute that is missing: write it, or
        set it in reset; if the class has an __init__, it calls super().__init__(seats, options) first.
        """
        for game in self.games():
            game.card()
            for moment in played(game, 0, self.ticks):
                hashes(moment.game, every_view(game.spec))

    # Determinism.

    def test_the_same_seed_and_actions_give_the_same_match(self) -> None:
        """The same seed and the same actions give the same match.

        Repair: draw all chance in reset, from arena.canonical.generator(seed) alone; use no set order,
        id(), time or global state.
        """
        for first, second in zip(self.games(), self.games(), strict=True):
            views = every_view(first.spec, image=False)
            for number in range(self.matches):
                pairs = zip(played(first, number, self.ticks), played(second, number, self.ticks), strict=True)
                for one, other in pairs:
                    found = parted([one.result], [other.result]).replace("after reset", f"match {number}")
                    assert not found, f"two games with one seed and the same actions: {found}"
                    assert hashes(first, views) == hashes(second, views), "two equal matches look different"

    def test_what_a_step_says_can_be_logged(self) -> None:
        """What a reset or a step says can be written to the log and read again.

        Repair: the arguments of StepResult.going, terminated and truncated are, in this order: due or rewards, rewards
        or returns, state_hash (a str), events (a list of sentences, not one str); numbers are Python's own.
        """
        for moment in self.moments():
            result = moment.result
            one_by_one = len(result.events) > 1 and all(len(event) == 1 for event in result.events)
            assert not one_by_one, f"events are single letters ({''.join(result.events)!r}): give a list of sentences"
            again = msgspec.json.decode(msgspec.json.encode(result), type=StepResult)
            assert again == result, f"{result} comes back as {again}"

    def test_reset_starts_anew(self) -> None:
        """A reset starts a new match, whatever was played before.

        Repair: set every attribute that a match changes in reset, not in __init__ or on the class.
        """
        for game in self.games():
            before = [moment.result for moment in played(game, 0, self.ticks)]
            for _ in played(game, 1, self.ticks // 2):
                pass
            again = [moment.result for moment in played(game, 0, self.ticks)]
            assert not parted(before, again), f"a match that is played again: {parted(before, again)}"

    def test_no_global_random_generator_is_used(self) -> None:
        """No global random generator is used.

        Repair: replace random.* and np.random.* by a generator of the game's own:
        arena.canonical.generator(seed).
        """
        before = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
        for moment in self.moments():
            hashes(moment.game, every_view(moment.game.spec))
        after = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
        assert before == after, "`random` or `numpy.random` was used while it played"

    def test_the_seed_acts_exactly_if_the_game_says_so(self) -> None:
        """The seed acts exactly if the game says so.

        Plays the first legal action under several seeds: what is seen differs, or else `seeded` must be
        False.

        Repair: if the game has no chance, declare seeded=False in its GameSpec; if it has, draw it from the
        seed that reset gets.
        """
        for game in self.games():
            views = every_view(game.spec, image=not game.spec.vector_shape and not game.spec.text)
            traces = []
            for number in range(6):
                match = begun(game, seed(number))
                trace = [hashes(game, views)]
                while not match.over and len(trace) < self.ticks:
                    tick(match, {seat: Move(seen.legal[0]) for seat, seen in match.waiting.items()})
                    trace.append(hashes(game, views))
                traces.append((trace, match.result.returns))
            differ = any(trace != traces[0] for trace in traces)
            assert differ == game.spec.seeded, f"spec.seeded is {game.spec.seeded}, but seeds differ: {differ}"

    # Who is due, and what ends.

    def test_due_seats_and_only_they_have_legal_actions(self) -> None:
        """Seats that are due, and only they, have legal actions, in ascending order.

        Repair: let observe give legal=() for a seat that is not due; set simultaneous=True if several are
        due in one tick.
        """
        for moment in self.moments():
            game, due = moment.game, moment.result.due
            assert game.spec.simultaneous or len(due) <= 1, (
                f"seats {due} are due at once, but spec.simultaneous is not set"
            )
            for seat in range(game.seats):
                legal = legal_actions(game, seat)
                assert bool(legal) == (seat in due), f"seats {due} are due, but legal for seat {seat} are {legal}"
                assert list(legal) == sorted(set(legal)), f"legal must ascend and name each once: {legal}"
                assert all(0 <= action < game.spec.actions.n for action in legal), f"no such actions: {legal}"

    def test_a_seat_that_is_out_is_due_no_more(self) -> None:
        """A seat that is out while the match goes on is not due again, and stays out.

        Repair: let seats_out give the seats alone that will never act again in the match, at every tick from then on.
        """
        found = False
        for game in self.games():
            for number in range(self.matches):
                out: set[int] = set()
                for moment in played(game, number, game.spec.horizon):
                    if moment.result.ended != "none":
                        break
                    now = set(game.seats_out())
                    again = sorted(out & {*moment.result.due} | out - now)
                    assert not again, f"seats {again} are due, or are in no more, after seats_out gave {sorted(out)}"
                    out, found = now, found or bool(now)
        if not found:
            pytest.skip("nobody was out before the match ended (seats_out)")

    def test_matches_end_within_the_horizon_with_returns(self) -> None:
        """A match ends within the horizon, with returns.

        Repair: raise horizon in the GameSpec, or end with StepResult.truncated.
        """
        for game in self.games():
            for number in range(self.matches):
                *_, moment = played(game, number, game.spec.horizon)
                last = moment.result
                assert last.ended != "none", f"still going after spec.horizon = {game.spec.horizon} ticks"
                assert last.returns is not None, "the match ended without returns"
                assert len(last.returns) == game.seats, f"{len(last.returns)} returns for {game.seats} seats"
                if self.zero_sum:
                    assert sum(last.returns) == pytest.approx(0, abs=1e-6)

    def test_rewards_add_up_to_the_returns(self) -> None:
        """The rewards of a seat add up to its return, also where a seat forfeits.

        Repair: give every seat in each StepResult what it gained since the one before, in the unit of the returns; in
        forfeit(seat) what is left of the returns after what was given before.
        """
        for game in self.games():
            for number in range(self.matches):
                totals = np.zeros(game.seats)
                for moment in played(game, number, game.spec.horizon):
                    totals += moment.result.rewards
                self._adds_up(totals, moment.result, "a match")
                score = game.score(totals.tolist())
                assert score == pytest.approx(moment.result.returns, abs=1e-6), (
                    f"score({totals.tolist()}) gives {score}"
                )
            if game.spec.on_fault == "forfeit":
                totals = np.zeros(game.seats)
                for at, moment in enumerate(played(game, 0, self.ticks)):
                    if moment.result.ended == "none":
                        totals += moment.result.rewards
                    if at == FORFEITED or moment.result.ended != "none":
                        break
                if moment.result.ended == "none":
                    result = game.forfeit(moment.result.due[0])
                    self._adds_up(totals + result.rewards, result, f"seat {moment.result.due[0]} forfeits")

    @staticmethod
    def _adds_up(totals: np.ndarray, result: StepResult, what: str) -> None:
        """The sums of rewards are the returns."""
        told = f"{what}: the rewards add up to {totals.tolist()}, but the returns are {result.returns}"
        assert totals == pytest.approx(result.returns, abs=1e-6), told

    def test_nothing_can_be_done_after_the_end(self) -> None:
        """Nothing can be done after the end.

        Repair: raise ValueError in step when the match is over.
        """
        for game in self.games():
            last = list(played(game, 0, game.spec.horizon))[-1]
            with refusal("step still takes actions after the end"):
                game.step(last.moves)

    # Actions and faults.

    def test_illegal_steps_raise_and_change_nothing(self) -> None:
        """An illegal step raises ValueError and changes nothing.

        Repair: check in step, before anything is changed, that moves has exactly the seats that are due
        and that each move is legal. Where nobody may talk, begin with arena.game.actions_of(moves). In a game
        with talk, also refuse `say` beside an action if the observation gives no table_talk, and
        Move(None, say=...) if it gives no free_text.
        """
        for game, twin in zip(self.games(), self.games(), strict=True):
            plain = [moment.result for moment in played(twin, 0, self.ticks)]
            seen = []
            for moment in played(game, 0, self.ticks):
                seen.append(moment.result)
                for wrong in wrong_steps(moment):
                    with refusal(f"step takes {wrong}, but seats {moment.result.due} are due"):
                        game.step(wrong)
            assert not parted(plain, seen), f"a refused step left a trace: {parted(plain, seen)}"

    def test_answers_are_parsed_strictly(self) -> None:
        """Answers are parsed strictly.

        Repair: leave Game.parse as it is, or raise UnparsableAnswerError / IllegalActionError for all that
        names no legal action.
        """
        for moment in self.moments():
            names = moment.game.spec.actions.names
            for seat in moment.result.due:
                seen = moment.game.observe(seat, NOTHING)
                for action, name in enumerate(names):
                    # Where free text is accepted, a name that is not legal is a text like any other.
                    named = (name, f" {name.upper()} ") if action in seen.legal or not seen.free_text else ()
                    for answer in (action, *named):
                        if action in seen.legal:
                            taken = moment.game.parse(seat, answer)
                            assert taken == Move(action), f"{answer!r} is not taken for {name}, but for {taken}"
                        else:
                            with refusal(f"parse takes {answer!r}, which is not legal", IllegalActionError):
                                moment.game.parse(seat, answer)
                texts = () if seen.free_text else ("no such action", f"{names[0]} {names[0]}")
                for rubbish in (*texts, "", None, True, -1, len(names)):
                    with refusal(f"parse takes {rubbish!r}, which names no action", UnparsableAnswerError):
                        moment.game.parse(seat, rubbish)

    def test_a_fault_costs_what_the_game_says(self) -> None:
        """A fault costs what the game says.

        Repair: write forfeit(seat) (ends the match; nobody gets less than that seat), or declare
        on_fault="default" and write default_action(seat) (always a legal one).
        """
        for moment in self.moments():
            game = moment.game
            for seat in moment.result.due:
                if game.spec.on_fault == "default":
                    action, legal = game.default_action(seat), legal_actions(game, seat)
                    assert action in legal, f"the default action of seat {seat} is {action}; legal are {legal}"
        for game in self.games():
            if game.spec.on_fault == "forfeit":
                seat = next(played(game, 0, self.ticks)).result.due[0]
                result = game.forfeit(seat)
                assert result.ended != "none", "the match goes on after a forfeit"
                assert result.returns is not None, "a forfeit leads to no returns"
                assert len(result.returns) == game.seats, f"{len(result.returns)} returns for {game.seats} seats"
                assert result.returns[seat] == min(result.returns), f"seat {seat} forfeits: {result.returns}"
                with refusal("step still takes actions after a forfeit"):
                    game.step({seat: Move(0)})

    def test_a_clone_goes_its_own_way(self) -> None:
        """A clone goes its own way.

        Repair: copy everything that a match changes, lists and the generator too (copy.deepcopy does).
        """
        for game in self.games():
            chance = generator(key("testing clones"))
            plain = [moment.result for moment in played(game, 0, self.ticks)]
            seen = []
            for moment in played(game, 0, self.ticks):
                seen.append(moment.result)
                try:
                    copy = game.clone()
                except NotImplementedError:
                    pytest.skip("it cannot be cloned: only needed by teachers and opponents that search")
                views = every_view(game.spec, image=False)
                assert hashes(copy, views) == hashes(game, views)
                if moment.result.ended == "none":
                    copy.step(drawn(copy, moment.result, chance))
            assert not parted(plain, seen), f"what its clone does changes the game: {parted(plain, seen)}"


@contextmanager
def refusal(otherwise: str, error: type[Exception] = ValueError) -> Iterator[None]:
    """The body must raise `error`; if it raises nothing, `otherwise` is the message."""
    try:
        yield
    except error:
        return
    pytest.fail(f"{otherwise}: it must raise {error.__name__}", pytrace=False)


def wrong_steps(moment: Moment) -> Iterator[dict[int, Move]]:
    """Steps that are illegal at this moment."""
    game, due = moment.game, moment.result.due
    right = {seat: Move(legal_actions(game, seat)[0]) for seat in due}
    others = [seat for seat in range(game.seats) if seat not in due]
    yield {seat: Move(0) for seat in others[:1]}  # nobody, or a seat that is not due
    if others and due:
        yield {**right, others[0]: Move(0)}
    for seat in due:
        seen = game.observe(seat, NOTHING)
        illegal = [action for action in range(game.spec.actions.n) if action not in seen.legal]
        for action in (*illegal, -1, game.spec.actions.n):
            yield {**right, seat: Move(action)}
        yield {**right, seat: Move(None)}
        if not seen.free_text:
            yield {**right, seat: Move(None, "hello")}
        if not seen.table_talk:
            yield {**right, seat: Move(seen.legal[0], "hello")}
