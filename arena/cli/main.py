"""The `arena` command. Each command is one file, imported when it is called."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from types import TracebackType

import click

import arena
from arena import commands
from arena.cli.lazy import LazyGroup
from arena.errors import ArenaError, InputError, out_of_memory, sentence
from arena.text import printable

COMMANDS = {
    "play": "arena.cli.play:play",
    "evaluate": "arena.cli.evaluate:evaluate",
    "train": "arena.cli.train:train",
    "show": "arena.cli.show:show",
    "verify": "arena.cli.verify:verify",
    "audit": "arena.cli.audit:audit",
    "replay": "arena.cli.replay:replay",
    "report": "arena.cli.report:report",
    "pack": "arena.cli.pack:pack",
    "merge": "arena.cli.merge:merge",
    "export": "arena.cli.export:export",
    "serve": "arena.cli.serve:serve",
    "prompt": "arena.cli.prompt:prompt",
    "games": "arena.cli.catalogue:games",
    "operators": "arena.cli.catalogue:operators",
    "tools": "arena.cli.catalogue_tools:tools",
    "check": "arena.cli.check:check",
    "new": "arena.cli.new:new",
    "worker": "arena.cli.worker:worker",
    "keys": "arena.cli.curve_keys:keys",
    "env": "arena.cli.env:env",
    "doctor": "arena.cli.doctor:doctor",
}
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO)


@click.group(cls=LazyGroup, where=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(arena.__version__, prog_name="arena")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Seat an RL policy, a vision-language model and a person at the same game, and compare them fairly.

    \b
    arena play --operators vlm,ppo,human    three at a hold'em table
    arena games, arena operators            what there is to choose from
    arena verify RUN                        a run, played again and compared
    arena new game NAME                     a game of your own, in one file
    arena check game ./NAME.py              whether it keeps the rules
    """


def main() -> None:
    """Entry point: errors become one message and an exit code (2 bad input, 1 failure, 130 interrupted)."""
    ours = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv  # after it comes a worker's command
    debug = "--debug" in ours
    if debug:
        # In any place: a user adds it to the end of the command that failed.
        sys.argv.remove("--debug")
    else:
        sys.excepthook = _bug
    try:
        try:
            cli(standalone_mode=False, prog_name="arena")
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()  # here, where a failure can be reported
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _say("interrupted")
        sys.exit(130)
    except ArenaError as error:
        if debug:
            traceback.print_exc()
        _say(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        if debug:
            traceback.print_exc()
        sys.exit(_system(error))


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # there is nowhere else to say it
        print(f"arena: {printable(text, lines=True)}", file=sys.stderr)


def _system(error: OSError) -> int:
    """Report an error of the operating system, and return the exit code."""
    if _of_a_file(error.__traceback__) is not None:
        _bug(type(error), error, error.__traceback__)
        return 1
    try:
        sys.stdout.flush()
    except OSError:  # Python would try again, and complain, when it ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if isinstance(error, BrokenPipeError):  # the reader of the output has exited
        return 1
    if error.filename is not None:
        _say(f"{_short(str(error.filename))}: {error.strerror}")
    elif error.errno in NO_ROOM:
        _say(f"what was to be printed cannot be written: {error.strerror}")
    else:
        _bug(type(error), error, error.__traceback__)
    return InputError.exit_code if error.errno == errno.ENAMETOOLONG else ArenaError.exit_code


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:200]}..."


def _of_a_file(trace: TracebackType | None) -> str | None:
    """The place in a user's plugin file that raised the error."""
    from arena.files import PREFIX

    for frame, line in reversed(list(traceback.walk_tb(trace))):
        if frame.f_globals.get("__name__", "").startswith(PREFIX):
            return f"{frame.f_code.co_filename}, line {line}, in {frame.f_code.co_name}"
    return None


def _bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """An unexpected exception is a bug of ours or of a plugin: one message, and where to see more."""
    where, what = _of_a_file(trace), sentence(f"{kind.__name__}: {error}")
    if out_of_memory(error):
        _say(f"out of memory: {what} Free some, or do less at once: a lower --concurrency or @batch=, a smaller model")
    elif where is not None:
        _say(f"{where}: {what} `{commands.arena('check')}` tests that file; --debug shows more")
    else:
        _say(f"this is a bug: {what} Add --debug to see where, and please report it")
