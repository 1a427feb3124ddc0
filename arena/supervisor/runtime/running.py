"""Runs the tools that build environments: their output goes to a log, their last words into the error."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from arena.errors import ArenaError

# What belongs to the arena's own environment and would mislead a tool that works on another.
_NOT_THEIRS = {"PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV", "CONDA_PREFIX", "UV_PROJECT_ENVIRONMENT"}
_TAIL = 12  # lines of a tool that failed


class ToolError(ArenaError):
    """A tool that builds environments failed; the message ends with its last words."""


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what names the arena's own Python."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_THEIRS}
    return {**kept, **(extra or {})}


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs commands in one folder."""

    folder: Path
    log: Path
    lock: int | None = None  # inherited by the tools: the environment stays locked while one of them runs
    detail: Callable[[str], None] = field(default=lambda line: None)  # each line a tool says

    def run(self, command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> str:
        """Its output, both streams. ToolError when it fails or cannot be started."""
        words = [str(word) for word in command]
        lines: list[str] = []
        with self.log.open("a") as log:
            log.write(f"$ {' '.join(words)}\n")
            log.flush()
            try:
                process = subprocess.Popen(
                    words,
                    cwd=self.folder,  # away from a project whose settings a tool might take for ours
                    env=clean_environment(env),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    pass_fds=() if self.lock is None else (self.lock,),
                )
            except OSError as error:
                raise ToolError(f"{words[0]} cannot be started: {error.strerror}") from error
            assert process.stdout is not None
            with process:
                for line in process.stdout:
                    log.write(line)
                    lines.append(line.rstrip())
                    if line.strip():
                        self.detail(line.strip())
        if process.returncode != 0:
            said = "\n".join(f"  {line}" for line in [line for line in lines if line][-_TAIL:])
            raise ToolError(f"{Path(words[0]).name} failed (exit code {process.returncode}):\n{said}\nlog: {self.log}")
        return "\n".join(lines)
