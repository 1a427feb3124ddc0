"""Conformance of an operator's answers: one for each request, in order, and dependent only on the seat and its seed."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from arena.errors import ProtocolError
from arena.operator import Decision, Operator, decisions
from arena.protocol import codec
from arena.protocol import messages as m
from arena.protocol.connection_state import invalid_decision
from arena.testing.operator_hooks import OperatorHooks
from arena.testing.probe_operator import ProbeOperator, difference, played
from arena.testing.seating import short


class Deciding(OperatorHooks):
    """Tests of an operator's answers in this process."""

    def test_every_question_is_answered_once_and_in_order(self) -> None:
        """Every question is answered once, in order, with a Decision.

        Repair: return one Decision a request from act, in the order of the requests; answer is an int (not NumPy's),
        a str or None. Let no exception out: it is the fault `crashed`.
        """
        bench = self.asked()
        for game in bench.names:
            assert self.together(bench, game), f"{short(game)}: it was never asked"

    def test_answers_are_moves_of_the_game(self) -> None:
        """Its answers are legal moves, but for a few.

        Repair: answer an action's index or name out of observation.legal. If bad answers are its nature (a model),
        raise the limit: faults = 0.3 in a test of yours.
        """
        bench = self.asked()
        for game in bench.names:
            turns = self.together(bench, game)
            bad = [turn for turn in turns.values() if turn.fault is not None]
            said = f"{short(game)}: {len(bad)} of {len(turns)} answers are faults, the first: "
            assert len(bad) <= self.faults * len(turns), f"{said}{bad[0].fault}: {bad[0].detail}"

    def test_decisions_can_be_sent(self) -> None:
        """Its decisions can be sent over the wire.

        Repair: fill a Decision with what its fields declare: str for thought and raw, NumPy arrays of int32 for
        tokens, of float32 for logprobs.
        """
        bench = self.asked()
        for game in bench.names:
            probe = ProbeOperator(self.seated(bench, game), "asked again")
            try:
                played(bench.plan(game, 1, self.ticks), [probe], 1)
            finally:
                probe.close()
            for number, decision in enumerate(probe.again):
                assert (wrong := invalid_decision(decision)) is None, f"{decision}: {wrong}"
                answer = m.Answer(id=number, match=0, seat=0, tick=0, decision=decision)
                frames = codec.encode(m.Action(session="s", answers=[answer]))
                try:
                    message = codec.decode_to_arena(frames)
                except ProtocolError as error:
                    raise AssertionError(f"{decision} does not arrive: {error}") from None
                assert isinstance(message, m.Action)
                assert codec.encode(message) == frames, f"{decision} arrives as {message.answers[0].decision}"

    def test_it_answers_when_it_is_asked_again(self) -> None:
        """Asked again after a bad answer, it answers again.

        Repair: take a request with attempt=1 and a reason like any other; turn_key(seat, request) already gives it
        chance of its own.
        """
        bench = self.asked()
        for game in bench.names:
            self.play(bench, game, "asked again")

    def test_an_empty_batch_is_answered_by_nothing(self) -> None:
        """An empty batch is answered by an empty list.

        Repair: return [] from act when there are no requests.
        """
        bench = self.asked()
        probe = ProbeOperator(self.seated(bench, bench.names[0]))
        try:
            if not isinstance(probe.inner, Operator):
                pytest.skip("it answers one question at a time")
            found: list[Decision] = decisions([], probe.inner.act([]))
        finally:
            probe.close()
        assert found == []

    # Dependence of its answers.

    def test_the_same_seeds_give_the_same_answers(self) -> None:
        """The same seeds give the same answers.

        Repair: draw from generator(turn_key(seat, request)) only; or declare determinism="measured" or "none".
        """
        self.same(self.steady(), "together")

    def test_batching_and_order_change_no_answer(self) -> None:
        """How many questions come together, and in which order, changes no answer.

        Repair: draw from generator(turn_key(seat, request)), one generator a request; keep memory by (match, seat);
        give a model fixed batch shapes. If it cannot be: declare determinism="measured".
        """
        bench = self.steady()
        self.same(bench, "one by one")
        self.same(bench, "backwards")
        self.same(bench, "in threes")
        self.same(bench, "together", at_once=1)

    def test_numbers_of_matches_and_questions_change_no_answer(self) -> None:
        """The numbers of matches and questions change no answer.

        Repair: use match and id to find things again, never as chance: that comes from the seat's seed.
        """
        self.same(self.steady(), "renumbered")

    def test_no_global_random_generator_is_used(self) -> None:
        """No global random generator is used.

        Repair: replace random.*, np.random.* by generator(turn_key(seat, request)) of arena.canonical, arena.operator.
        """
        bench = self.steady()
        before = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
        for game in bench.names:
            self.play(bench, game)
        after = random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
        assert before == after, "`random` or `numpy.random` was used while it decided"

    # Seats.

    def test_a_released_seat_leaves_nothing_behind(self) -> None:
        """A seat that was released leaves nothing behind.

        Repair: forget in end(match, seat, outcome) all that was kept for (match, seat), and set it anew in open.
        """
        bench = self.steady()
        for game in bench.names:
            plan = bench.plan(game, self.matches, self.ticks)
            probe = ProbeOperator(plan.pool[0])
            try:
                first, second = (played(plan, [probe], self.matches) for _ in range(2))
            finally:
                probe.close()
            found = difference(first, second)
            assert not found, f"{short(game)}, the second time that the same matches are played, {found}"

    def test_a_match_that_is_played_again_gets_the_same_answers(self) -> None:
        """A match that is void and played again gets the same answers.

        Repair: as for a released seat: end comes with status "voided", and the same seat is opened again.
        """
        self.same(self.steady(), "after a void try")

    def test_seats_of_one_match_are_kept_apart(self) -> None:
        """Two seats of one match are kept apart.

        Repair: keep everything by (match, seat), nothing by match alone and nothing on the operator itself.
        """
        bench = self.steady()
        for game in bench.names:
            plan = bench.plan(game, self.matches, self.ticks)
            if len(plan.pool) == 1:
                continue
            probes = [ProbeOperator(replace(entry)) for entry in plan.pool]
            try:
                apart = played(plan, probes, self.matches)
            finally:
                for probe in probes:
                    probe.close()
            found = difference(self.together(bench, game), apart)
            assert not found, f"{short(game)}, with one operator in all seats and with one in each, {found}"
