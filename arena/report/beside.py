"""Reads a run while it is played, in a process beside it, so that little is left to be read after the last match.

The process follows the log as it grows, in plan order, and writes the Parquet files as it goes. What it has read comes
back when the run is over. Without it nothing is lost: then the log is read here, once, as `arena report` does.

It is told that the run is over on its standard input; where that ends before, the arena is gone, and so it goes, with
the hosts of games that it has started to play matches again for the page.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Never, cast

from arena import parcel
from arena.evaluate.table import ScoreTable
from arena.record.reader import Run
from arena.record.shards import growing, shards
from arena.record.times import Times
from arena.report.reading import Known, RunReader, read_run
from arena.report.replays import Caps

LONG = 16 * 1024 * 1024  # bytes of a log from which on the process is worth its start
OFTEN = 1.0  # seconds between looks at how long the log is
PAUSE = 0.25  # seconds, after which the process looks for what was added to the log
GRACE = 2.0  # seconds in which it tidies up after a run that was stopped
OVER = b"over"


class ReadingBeside:
    """Reads the run in `folder`; `say` is told, in words, where the process beside it failed."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._folder, self._say = folder, say
        self._looked = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._known: Known | None = None

    @property
    def known(self) -> Known:
        """What was read; after `read`."""
        assert self._known is not None
        return self._known

    @property
    def pid(self) -> int | None:
        """Of the process, once there is one."""
        return None if self._process is None else self._process.pid

    def grew(self) -> None:
        """A match is over: once the log is long, the process begins to read it."""
        now = time.monotonic()
        if self._process is None and now - self._looked >= OFTEN:
            self._looked = now
            if sum(path.stat().st_size for path in shards(self._folder)) >= LONG:
                self._start()

    def read(self, run: Run) -> tuple[list[ScoreTable], Times]:
        """What run_plan needs of a run that was played. RecordError where it is damaged."""
        self._known = self._told() or read_run(run, columns=run.folder, caps=Caps())
        return self._known.tables, self._known.times

    def close(self) -> None:
        """No process is left behind."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _start(self) -> None:
        log = self._folder / "workers" / "reading.log"
        log.parent.mkdir(exist_ok=True)
        self._told_in = tempfile.TemporaryFile(prefix="arena-")  # noqa: SIM115 (it lives as long as its arrays)
        write = self._told_in.fileno()
        command = [sys.executable, "-P", "-m", __name__, str(self._folder), str(write)]
        with log.open("ab") as out:
            # A session of its own: a signal of the terminal is for the arena, which ends the run in order.
            # Nothing is buffered: what a dead process did not take would be written again as the pipe is closed.
            self._process = subprocess.Popen(
                command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                pass_fds=(write,),
                start_new_session=True,
            )

    def _told(self) -> Known | None:
        """What the process read; None without one, or where it failed."""
        process = self._process
        if process is None:
            return None
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(OVER)
        if code := process.wait():
            how = f"exited with code {code}" if code > 0 else f"was killed by {signal.Signals(-code).name}"
            log = self._folder / "workers" / "reading.log"
            self._say(f"the process that read the log beside the matches {how} ({log}): the log is read now")
            return None
        return cast(Known, parcel.unpack(self._told_in))


def follow(run: Run, file: IO[bytes], goes_on: Callable[[], bool]) -> None:
    """Reads `run` as long as it `goes_on`, writes its Parquet files, and puts what it has read into `file`."""
    with RunReader(run, columns=run.folder, caps=Caps()) as reader:
        known = reader.read(growing(run.folder, goes_on))
    parcel.pack(known, file)


def _goes_on() -> bool:
    """Waits a moment; whether the run is not over yet. SystemExit if the arena is gone."""
    if not select.select([0], [], [], PAUSE)[0]:
        return True
    if os.read(0, len(OVER)) != OVER:
        _stop()
    return False


def _stop(*_: object) -> Never:
    """SystemExit, once: what is tidied up then is not interrupted again."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise SystemExit("the run was stopped")


def _end_with_the_arena() -> None:
    """From now on this process is ended, in order, once the arena is gone: also in the middle of a match."""

    def watch() -> None:
        gone = select.poll()
        gone.register(0, 0)  # the end of a pipe is told in any case
        gone.poll()
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    _end_with_the_arena()
    with os.fdopen(int(sys.argv[2]), "wb") as told:
        follow(Run(Path(sys.argv[1])), told, _goes_on)
