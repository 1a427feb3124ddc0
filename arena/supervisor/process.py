"""One worker process: started in its own process group, watched by its handle, ended with its children."""

from __future__ import annotations

import contextlib
import os
import secrets
import select
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from arena.errors import WorkerError
from arena.supervisor.descendants import MARK, end_marked
from arena.text import printable

SHOWN = 300  # characters of a command that are shown
MOST_LOG = 16 * 1024 * 1024  # bytes of a log; a longer one loses its middle
LAST_LOG = 256 * 1024  # bytes at the end of a cut log


class WorkerProcess:
    """A subprocess whose stdin is a pipe of ours: end of file there tells it that the arena is gone."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], log: Path, keep: Sequence[int] = ()) -> None:
        """`env` on top of ours. `keep`: descriptors that it inherits besides."""
        self.log = log
        self._cut = 0  # bytes
        self._mark = secrets.token_hex(16)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as out:
            try:
                self._popen = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **env, MARK: self._mark},
                    start_new_session=True,
                    pass_fds=keep,
                )
            except (OSError, ValueError) as error:
                why = error.strerror if isinstance(error, OSError) else error
                given = shlex.join(command)
                shown = given if len(given) <= SHOWN else given[:SHOWN] + " ..."
                raise WorkerError(f"cannot start {printable(shown)}: {why}") from error
        self.pid = self._popen.pid
        # Readable when the process ends; without pidfd (not Linux) the Hub polls `exited`.
        self.handle = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else None

    @property
    def watched(self) -> tuple[int, ...]:
        """What the Hub polls: the handle, where there is one and the process was not released."""
        return () if self.handle is None else (self.handle,)

    @property
    def exited(self) -> bool:
        return self._code() is not None

    @property
    def self_inflicted(self) -> bool:
        """It ended by itself: it exited, or crashed (a segmentation fault). Else somebody killed it."""
        return self._code() not in (None, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP)

    def _code(self) -> int | None:
        """Its exit code, or minus the signal that killed it; None while it runs.

        It stays a zombie until `reap`: so its number, which is its group's, is not given to another meanwhile.
        """
        if self._popen.returncode is not None or not hasattr(os, "waitid"):
            return self._popen.poll()
        ended = os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return None
        return ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status

    def how(self) -> str:
        """How it ended, in words."""
        code = self._code()
        if code is None:
            return "still runs"
        return f"exited with code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"

    def tail(self, lines: int = 5) -> str:
        """The last lines of its log that say something."""
        with contextlib.suppress(OSError):
            text = self.log.read_text(errors="replace", encoding="utf-8").strip().splitlines()
            return "\n".join(text[-lines:])
        return ""

    def trim(self) -> None:
        """Cut the middle out of a log that has become too long, and note it there."""
        with contextlib.suppress(OSError):
            size = self.log.stat().st_size
            if size <= MOST_LOG:
                return
            with self.log.open("rb+") as log:
                log.seek(size - LAST_LOG)
                last = log.read(LAST_LOG)
                log.truncate(MOST_LOG // 2)
            self._cut += size - MOST_LOG // 2 - len(last)
            with self.log.open(
                "ab"
            ) as log:  # in append mode, as the worker's: what it writes meanwhile comes after this
                log.write(b"\n[the arena cut this log here: so far it has left out %d bytes]\n" % self._cut + last)

    def signal(self, number: signal.Signals) -> None:
        """Signal the whole group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def wait(self, timeout: float) -> bool:
        """Whether it ended within `timeout` seconds."""
        if self.handle is not None:
            ended = select.poll()
            ended.register(self.handle, select.POLLIN)
            return bool(ended.poll(timeout * 1000))
        try:
            self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        return True

    def write(self, data: bytes) -> None:
        """Send `data` to its stdin."""
        assert self._popen.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is dead: its handle tells
            self._popen.stdin.write(data)
            self._popen.stdin.flush()

    def cut(self) -> None:
        """Close its stdin, as happens when the arena ends."""
        if self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.close()

    def reap(self) -> None:
        """Release what is left: children in its group or in sessions of their own, the pipe, the handle."""
        self.signal(signal.SIGKILL)
        self._popen.wait()
        end_marked(self._mark)
        self.cut()
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None
