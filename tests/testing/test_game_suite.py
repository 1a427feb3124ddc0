"""The conformance suite finds what is broken: each broken game fails the one test it should fail."""

import random
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from arena.game import Move, Observation, StepResult
from arena.testing.game_suite import GameSuite
from arena_games.connect_four.rules import ConnectFour
from arena_games.kuhn.rules import Kuhn
from arena_games.leduc.rules import Leduc


class Unseeded(Kuhn):
    """Draws its cards from the global generator."""

    def reset(self, seed):
        return super().reset(random.randbytes(16))


class Inert(Kuhn):
    """Ignores its seed, but says that it does not."""

    def reset(self, seed):
        return super().reset(bytes(16))


class Sticky(Kuhn):
    """Keeps its totals over a reset."""

    def reset(self, seed):
        totals = self.totals
        result = super().reset(seed)
        self.totals = totals
        return result


class Leaky(Leduc):
    """Shows the other's card in its vector."""

    def vector(self, seat):
        out = super().vector(seat)
        out[-1] = self.hand.drawn[1 - self.player_of(seat)]
        return out


class Live(Kuhn):
    """Gives its own buffer."""

    buffer = np.zeros(Kuhn.spec.vector_shape, np.float32)

    def vector(self, seat):
        self.buffer[:] = super().vector(seat)
        return self.buffer


class Wide(Kuhn):
    """Its vector is wider than declared."""

    def vector(self, seat):
        return np.zeros(100, np.float32)


class Lenient(Kuhn):
    """Plays something else when an action is illegal."""

    def step(self, moves):
        seat = self.due_seat
        if seat is None:
            return StepResult.terminated((0.0,) * self.seats, (0.0,) * self.seats, self.state_hash())
        move = moves.get(seat)
        return super().step({seat: move if move is not None and move.action in self.legal(seat) else Move(0)})


class Loose(Kuhn):
    """Takes the first word for an answer."""

    def parse(self, seat, answer):
        return super().parse(seat, " ".join(answer.split()[:1]) if isinstance(answer, str) else answer)


class Numbers(Kuhn):
    """A fact is a number."""

    def facts(self, seat):
        return {**super().facts(seat), "pot": 2}


class Unfinished(Kuhn):
    """Declares too short a horizon."""

    def __init__(self, seats, options=None):
        super().__init__(seats, options)
        self.spec = msgspec.structs.replace(self.spec, horizon=1)


class Fickle(Kuhn):
    """Looking changes what is seen."""

    looks = 0

    def text(self, seat, facts):
        self.looks += 1
        return f"{super().text(seat, facts)} {self.looks}"


class Curious(Kuhn):
    """Looking changes the state."""

    looks = 0

    def vector(self, seat):
        self.looks += 1
        return super().vector(seat)

    def state_hash(self):
        return f"{self.looks:032x}"


class Eager(Kuhn):
    """Gives views that nobody asked for."""

    def observe(self, seat, views):
        found = super().observe(seat, views)
        return Observation(found.legal, found.image, self.vector(seat), found.text, found.facts)


class Shallow(Kuhn):
    """Its clones share the hand."""

    def clone(self):
        other = super().clone()
        other.hands = self.hands
        return other


class Mute(Kuhn):
    """A prompt wants a fact that is not there."""

    def card(self):
        return msgspec.structs.replace(super().card(), prompts={"full": "{weather}", "short": "x"})


class Greedy(Kuhn):
    """Its default action may be illegal."""

    def default_action(self, seat):
        return 2


class Renamed(Kuhn):
    """Its card names other actions than its spec."""

    def card(self):
        return msgspec.structs.replace(super().card(), actions=("check", "bet"))


class Unbalanced(Kuhn):
    """Pays from nowhere."""

    def step(self, moves):
        result = super().step(moves)
        if result.ended == "none":
            return result
        gift = tuple(value + 1 for value in result.returns)
        rewards = tuple(value + 1 for value in result.rewards)
        return StepResult.terminated(rewards, gift, result.state_hash, result.events)


class Uneven(Kuhn):
    """Gives rewards in another unit than returns."""

    def step(self, moves):
        result = super().step(moves)
        return replace(result, rewards=tuple(2 * value for value in result.rewards))


class Swapped(Kuhn):
    """Gives the hash where the events belong."""

    def reset(self, seed):
        result = super().reset(seed)
        return StepResult.going(result.due, result.rewards, ["dealt"], result.state_hash)


class Spiteful(ConnectFour):
    """A forfeit pays what was paid before once more."""

    def step(self, moves):
        result = super().step(moves)
        return replace(result, rewards=(1.0, 0.0)) if result.ended == "none" else result


class Lettered(Kuhn):
    """Gives one sentence where a list is due."""

    def reset(self, seed):
        result = super().reset(seed)
        return StepResult.going(result.due, result.rewards, result.state_hash, "the cards are dealt")


class Impatient(Kuhn):
    """Says that a seat is out which only waits."""

    def seats_out(self):
        return tuple(seat for seat in range(self.seats) if seat != self.due_seat)


CASES = [
    (Swapped, "test_what_a_step_says_can_be_logged"),
    (Lettered, "test_what_a_step_says_can_be_logged"),
    (Unseeded, "test_the_same_seed_and_actions_give_the_same_match"),
    (Unseeded, "test_no_global_random_generator_is_used"),
    (Inert, "test_the_seed_acts_exactly_if_the_game_says_so"),
    (Sticky, "test_reset_starts_anew"),
    (Leaky, "test_a_seat_sees_nothing_of_what_it_may_not_know"),
    (Live, "test_views_are_copies"),
    (Wide, "test_views_are_as_declared"),
    (Lenient, "test_illegal_steps_raise_and_change_nothing"),
    (Lenient, "test_nothing_can_be_done_after_the_end"),
    (Loose, "test_answers_are_parsed_strictly"),
    (Numbers, "test_facts_are_text_and_fill_every_prompt"),
    (Impatient, "test_a_seat_that_is_out_is_due_no_more"),
    (Unfinished, "test_matches_end_within_the_horizon_with_returns"),
    (Unbalanced, "test_matches_end_within_the_horizon_with_returns"),
    (Uneven, "test_rewards_add_up_to_the_returns"),
    (Spiteful, "test_rewards_add_up_to_the_returns"),
    (Fickle, "test_drawing_again_gives_the_same"),
    (Curious, "test_looking_changes_nothing"),
    (Eager, "test_only_the_agreed_views_are_given"),
    (Shallow, "test_a_clone_goes_its_own_way"),
    (Mute, "test_facts_are_text_and_fill_every_prompt"),
    (Greedy, "test_a_fault_costs_what_the_game_says"),
    (Renamed, "test_the_card_says_what_the_spec_says"),
]
FAILURES = (AssertionError, KeyError, ValueError, pytest.fail.Exception)


@pytest.mark.parametrize(("broken", "test"), CASES, ids=[f"{cls.__name__}-{test}" for cls, test in CASES])
def test_a_broken_game_fails(broken, test):
    class Suite(GameSuite):
        zero_sum = True

        def game(self, seats, options):
            return broken(seats, options)

    with pytest.raises(FAILURES):
        getattr(Suite(), test)()
