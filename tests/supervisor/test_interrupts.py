"""Signals end a run in order: at the next poll, never in the middle of something, and not at all outside."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from arena.supervisor.hub import Hub
from arena.supervisor.interrupts import SIGNALS, Interrupts


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_the_first_signal_waits_for_the_next_poll(tmp_path: Path, number: signal.Signals) -> None:
    """However it comes: an exception of the handler could be lost, and the poll would wait for ever."""
    with Interrupts() as interrupts:
        hub = Hub(tmp_path, interrupts=interrupts)
        os.kill(os.getpid(), number)
        with pytest.raises(KeyboardInterrupt):
            hub.poll(None)
        hub.close()


def test_a_signal_wakes_a_poll_that_waits(tmp_path: Path) -> None:
    with Interrupts() as interrupts:
        hub = Hub(tmp_path, interrupts=interrupts)
        polls = threading.Event()
        original = hub._poller.poll

        def poll(timeout: int | None) -> object:
            polls.set()
            return original(timeout)

        hub._poller.poll = poll  # type: ignore[method-assign,assignment]

        def send() -> None:
            polls.wait()
            os.kill(os.getpid(), signal.SIGINT)

        sender = threading.Thread(target=send)
        sender.start()
        with pytest.raises(KeyboardInterrupt):
            hub.poll(None)
        sender.join()
        hub.close()


def test_a_second_signal_does_not_wait() -> None:
    with Interrupts():
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_handlers_are_as_before_when_it_is_over() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before
    assert signal.set_wakeup_fd(-1) == -1


def test_an_ignored_signal_stays_ignored() -> None:
    """As nohup leaves SIGHUP."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            os.kill(os.getpid(), signal.SIGHUP)
            interrupts.check()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_in_another_thread_nothing_is_changed() -> None:
    before = signal.getsignal(signal.SIGINT)
    during = []

    def other() -> None:
        with Interrupts() as interrupts:
            during.append(signal.getsignal(signal.SIGINT))
            interrupts.check()

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert during == [before]
