"""The conformance suite of games. A game is tested in five lines:

    from arena.testing import GameSuite
    from rps import RockPaperScissors

    class TestRps(GameSuite):
        cls = RockPaperScissors

or by its name, `name = "openspiel:hearts"`, as on the command line; `arena check game NAME` runs the same suite. Every
test plays random matches from fixed seeds. Class attributes say how much. The first line of a test's docstring is the
property, and what follows "Repair:" is what to do when it does not hold.

Hidden information. A game in which seats know different things should have the method

    reshuffle_hidden(seat: int, chance: numpy.random.Generator) -> Game

It returns an independent copy of the game in which everything that `seat` may not know (cards in other hands, the
order of the cards still to come, in finished hands too) is dealt anew from `chance`, while what the seat knows and
every action taken are as they are. The suite then checks that the seat observes exactly the same in the copy, in
every view, and that at least one such copy really is another state. `arena_games.spiel.SpielGame` has it for every
game that says which cards a seat knows. A game without the method is not tested for leaks, and the report says so.
"""

from __future__ import annotations

import msgspec

from arena.testing.extras import Extras
from arena.testing.playing import seed
from arena.testing.rules import Rules, refusal
from arena.testing.shown import Shown
from arena.testing.talks import Talks


class GameSuite(Extras, Talks, Shown, Rules):
    """Tests that every game passes. Set `cls` or `name`, or override `game`; `Hooks` says what else can be set."""

    def test_the_card_says_what_the_spec_says(self) -> None:
        """The card says what the GameSpec says, in every state of the game.

        Repair: make the card with self.make_card(rules, answer_format, prompts), of things that do not
        depend on the match.
        """
        for game in self.games():
            card, spec = game.card(), game.spec
            assert (card.game, card.version, card.seats) == (spec.id, spec.version, game.seats)
            assert (card.actions, card.unit) == (spec.actions.names, spec.unit)
            assert (card.vector_shape, card.vector_scale) == (spec.vector_shape, spec.vector_scale)
            assert card.rules.strip(), "the card has no rules"
            assert card.answer_format.strip(), "the card says nothing of the answer's format"
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(card), type=type(card)) == card
            game.reset(seed(1))
            assert game.card() == card, "the card changes during a match"

    def test_wrong_seats_and_options_are_refused(self) -> None:
        """Wrong seats and options are refused.

        Repair: call super().__init__(seats, options) first: it refuses what the GameSpec does not declare.
        """
        low, high = self.spec().seats
        for seats in (low - 1, high + 1):
            with refusal(f"it takes {seats} seats, but declares {low} to {high}"):
                self.game(seats, {})
        with refusal("it takes an option that it does not declare"):
            self.game(low, {"no such option": 1})
