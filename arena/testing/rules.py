"""Conformance of a game's rules: determinism, turns, ends, illegal steps, parsing, faults, clones."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from arena.canonical import generator, key
from arena.game import IllegalActionError, UnparsableAnswerError
from arena.testing.hooks import Hooks
from arena.testing.playing import Moment, drawn, every_view, hashes, legal_actions, played, seed


class Rules(Hooks):
    """How a game goes."""

    # Determinism.

    def test_the_same_seed_and_actions_give_the_same_match(self) -> None:
        for first, second in zip(self.games(), self.games(), strict=True):
            views = every_view(first.spec, image=False)
            for number in range(self.matches):
                pairs = zip(played(first, number, self.ticks), played(second, number, self.ticks), strict=True)
                for one, other in pairs:
                    assert one.result == other.result, "two games with one seed and the same actions differ"
                    assert hashes(first, views) == hashes(second, views)

    def test_reset_starts_anew(self) -> None:
        for game in self.games():
            before = [moment.result for moment in played(game, 0, self.ticks)]
            for _ in played(game, 1, self.ticks // 2):
                pass
            assert [moment.result for moment in played(game, 0, self.ticks)] == before

    def test_no_global_random_generator_is_used(self) -> None:
        before = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
        for moment in self.moments():
            hashes(moment.game, every_view(moment.game.spec))
        after = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
        assert before == after

    def test_the_seed_acts_exactly_if_the_game_says_so(self) -> None:
        """Plays the first legal action under several seeds: what is seen differs, or else `seeded` must be False."""
        for game in self.games():
            views = every_view(game.spec, image=not game.spec.vector_shape and not game.spec.text)
            traces = []
            for number in range(6):
                result = game.reset(seed(number))
                trace = [hashes(game, views)]
                while result.ended == "none" and len(trace) < self.ticks:
                    result = game.step({seat: legal_actions(game, seat)[0] for seat in result.due})
                    trace.append(hashes(game, views))
                traces.append((trace, result.returns))
            differ = any(trace != traces[0] for trace in traces)
            assert differ == game.spec.seeded, f"spec.seeded is {game.spec.seeded}, but seeds differ: {differ}"

    # Who is due, and what ends.

    def test_due_seats_and_only_they_have_legal_actions(self) -> None:
        for moment in self.moments():
            game, due = moment.game, moment.result.due
            assert game.spec.simultaneous or len(due) <= 1, (
                f"seats {due} are due at once, but spec.simultaneous is not set"
            )
            for seat in range(game.seats):
                legal = legal_actions(game, seat)
                assert bool(legal) == (seat in due)
                assert list(legal) == sorted(set(legal))
                assert all(0 <= action < game.spec.actions.n for action in legal)

    def test_matches_end_within_the_horizon_with_returns(self) -> None:
        for game in self.games():
            for number in range(self.matches):
                totals = np.zeros(game.seats)
                for moment in played(game, number, game.spec.horizon):
                    assert len(moment.result.rewards) == game.seats
                    totals += moment.result.rewards
                last = moment.result
                assert last.ended != "none", f"still going after spec.horizon = {game.spec.horizon} ticks"
                assert last.returns is not None
                assert game.score(totals.tolist()) == pytest.approx(last.returns, abs=1e-6)
                if self.zero_sum:
                    assert sum(last.returns) == pytest.approx(0, abs=1e-6)

    def test_nothing_can_be_done_after_the_end(self) -> None:
        for game in self.games():
            last = list(played(game, 0, game.spec.horizon))[-1]
            with pytest.raises(ValueError):  # noqa: PT011 - any message
                game.step(last.actions)

    # Actions and faults.

    def test_illegal_steps_raise_and_change_nothing(self) -> None:
        for game, twin in zip(self.games(), self.games(), strict=True):
            plain = [moment.result for moment in played(twin, 0, self.ticks)]
            seen = []
            for moment in played(game, 0, self.ticks):
                seen.append(moment.result)
                for wrong in wrong_steps(moment):
                    with pytest.raises(ValueError):  # noqa: PT011 - any message
                        game.step(wrong)
            assert seen == plain

    def test_answers_are_parsed_strictly(self) -> None:
        for moment in self.moments():
            names = moment.game.spec.actions.names
            for seat in moment.result.due:
                legal = legal_actions(moment.game, seat)
                for action, name in enumerate(names):
                    for answer in (action, name, f" {name.upper()} "):
                        if action in legal:
                            assert moment.game.parse(seat, answer) == action
                        else:
                            with pytest.raises(IllegalActionError):
                                moment.game.parse(seat, answer)
                for rubbish in ("", "no such action", f"{names[0]} {names[0]}", None, True, -1, len(names)):
                    with pytest.raises(UnparsableAnswerError):
                        moment.game.parse(seat, rubbish)

    def test_a_fault_costs_what_the_game_says(self) -> None:
        for moment in self.moments():
            game = moment.game
            for seat in moment.result.due:
                if game.spec.on_fault == "default":
                    assert game.default_action(seat) in legal_actions(game, seat)
        for game in self.games():
            if game.spec.on_fault == "forfeit":
                seat = next(played(game, 0, self.ticks)).result.due[0]
                result = game.forfeit(seat)
                assert result.ended != "none"
                assert result.returns is not None
                assert len(result.returns) == game.seats
                assert result.returns[seat] == min(result.returns)
                with pytest.raises(ValueError):  # noqa: PT011 - any message
                    game.step({seat: 0})

    def test_a_clone_goes_its_own_way(self) -> None:
        for game in self.games():
            chance = generator(key("testing clones"))
            plain = [moment.result for moment in played(game, 0, self.ticks)]
            seen = []
            for moment in played(game, 0, self.ticks):
                seen.append(moment.result)
                try:
                    copy = game.clone()
                except NotImplementedError:
                    pytest.skip(f"{game.spec.id} cannot be cloned")
                views = every_view(game.spec, image=False)
                assert hashes(copy, views) == hashes(game, views)
                if moment.result.ended == "none":
                    copy.step(drawn(copy, moment.result, chance))
            assert seen == plain


def wrong_steps(moment: Moment) -> Iterator[dict[int, int]]:
    """Steps that no game may take at this moment."""
    game, due = moment.game, moment.result.due
    right = {seat: legal_actions(game, seat)[0] for seat in due}
    others = [seat for seat in range(game.seats) if seat not in due]
    yield {seat: 0 for seat in others[:1]}  # nobody, or a seat that is not due
    if others and due:
        yield {**right, others[0]: 0}
    for seat in due:
        legal = legal_actions(game, seat)
        illegal = [action for action in range(game.spec.actions.n) if action not in legal]
        for action in (*illegal, -1, game.spec.actions.n):
            yield {**right, seat: action}
