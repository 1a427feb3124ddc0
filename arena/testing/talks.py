"""Conformance of talk: limits are kept, only new words are heard, and only by the seats that the game chooses."""

from __future__ import annotations

from collections import Counter

import pytest

from arena.canonical import generator, key
from arena.game import Game, Move, Said, UnparsableAnswerError
from arena.testing.hooks import Hooks
from arena.testing.playing import NOTHING, begun, drawn, every_view, played, seed, tick
from arena.testing.rules import refusal
from arena.text import clean

SWAPPED = 6  # sayings of a match that are replaced by others, one at a time


class Talks(Hooks):
    """Tests of what players say."""

    def test_free_text_is_taken_up_to_its_limit(self) -> None:
        """A text is taken up to the limit that the observation gives, and no longer one.

        Repair: leave Game.parse as it is, or pass `free_text` on to arena.game.parse_answer.
        """
        found = False
        for moment in self.moments():
            for seat in moment.result.due:
                most = moment.game.observe(seat, NOTHING).free_text
                if not most:
                    continue
                found = True
                for text in ("\u5b57" * most, "~"):
                    taken = moment.game.parse(seat, f" {text}\n")
                    assert taken == Move(None, text), f"a text of {len(text)} of {most} characters is read as {taken}"
                for wrong in ("~" * (most + 1), " \n\u200b"):
                    with refusal(f"parse takes a text of {len(wrong)} characters; 1 to {most}", UnparsableAnswerError):
                        moment.game.parse(seat, wrong)
        if not found:
            pytest.skip("no answer in words of one's own is accepted (Observation.free_text)")

    def test_what_is_heard_is_what_others_said_since_the_last_turn(self) -> None:
        """A seat hears what others said since its last turn, each saying once.

        Repair: give in `heard` what others said, not the seat itself, and leave it out after the seat's turn;
        arena.talk.Talk does both.
        """
        found = False
        for game in self.games():
            views = every_view(game.spec, image=False)
            for number in range(self.matches):
                before: list[tuple[Said, ...]] = [()] * game.seats
                spoken: Counter[str] = Counter()
                for moment in played(game, number, self.ticks):
                    spoken.update(move.say for move in moment.moves.values() if move.say is not None)
                    now = [game.observe(seat, views).heard for seat in range(game.seats)]
                    for seat, heard in enumerate(now):
                        found = found or bool(heard)
                        assert all(0 <= said.seat < game.seats for said in heard), f"seat {seat} hears {heard}"
                        assert all(said.seat != seat for said in heard), f"seat {seat} hears itself: {heard}"
                        twice = [one for one in before[seat] if seat in moment.moves and one in heard]
                        again = [one for one in twice if spoken[one.text] == 1]
                        assert not again, f"seat {seat} hears {again[0]} again, although it has taken a turn since"
                    before = now
        if not self.spec().talk:
            pytest.skip("nobody talks in it (GameSpec.talk)")
        assert found, "players may say something, but nobody hears it: give it in Observation.heard"

    def test_statements_are_heard(self) -> None:
        """Others hear the name of an action that the card lists as a statement when a seat chooses it.

        Repair: list in make_card(statements=...) the names of the actions alone that are said by choosing them.
        """
        found = False
        for game in self.games():
            names, statements = game.spec.actions.names, set(game.card().statements)
            assert statements <= set(names), f"no such actions: {sorted(statements - set(names))}"
            views = every_view(game.spec, image=False)
            for number in range(self.matches if statements else 0):
                for moment in played(game, number, self.ticks):
                    chosen = {
                        seat: names[move.action] for seat, move in moment.moves.items() if move.action is not None
                    }
                    said = [Said(seat, name) for seat, name in chosen.items() if name in statements]
                    if said and moment.result.ended == "none":
                        found = True
                        heard = [one for seat in range(game.seats) for one in game.observe(seat, views).heard]
                        silent = [one for one in said if one not in heard]
                        assert not silent, f"nobody hears {silent[0]}, which the card lists in `statements`"
        if not found:
            pytest.skip("no action is a statement (GameCard.statements)")

    def test_words_reach_only_those_who_hear_them(self) -> None:
        """What is said shows in the views of those who heard it, and of nobody else.

        Plays a match twice, with one saying exchanged for another: who did not hear it must see the same.

        Repair: show words of others by `heard` alone, or later to those who were given them by it.
        """
        if not self.spec().talk:
            pytest.skip("nobody talks in it (GameSpec.talk)")
        for one, other in zip(self.games(), self.games(), strict=True):
            for number in range(self.matches):
                for at in range(SWAPPED):
                    if not self._same(one, other, number, at):
                        break

    def _same(self, one: Game, other: Game, number: int, at: int) -> bool:
        """Play match `number` twice, saying `at` exchanged in the second; whether there was such a saying."""
        chance, same = generator(key("testing talk", number)), generator(key("testing talk", number))
        match, twin = begun(one, seed(number)), begun(other, seed(number))
        views = every_view(one.spec)
        said, knows = 0, set[int]()
        for _ in range(self.ticks):
            if match.over or twin.over or match.result.due != twin.result.due:
                break
            moves, theirs = drawn(one, match.result, chance), drawn(other, twin.result, same)
            for seat, move in moves.items():
                if move.say is not None:
                    if said == at:
                        theirs[seat] = Move(move.action, _exchanged(move.say))
                        knows.add(seat)
                    said += 1
            tick(match, moves)
            tick(twin, theirs)
            for seat in set(range(one.seats)) - knows if not (match.over or twin.over) else ():
                mine, hers = one.observe(seat, views), other.observe(seat, views)
                if mine.heard != hers.heard:
                    knows.add(seat)
                else:
                    assert mine.hashes() == hers.hashes(), f"seat {seat} sees what was said, but has not heard it"
        return said > at


def _exchanged(text: str) -> str:
    """Another text of the same length."""
    other = "".join("n" if char == "m" else "m" for char in text)
    assert clean(other) == other
    return other
