"""The `arena` command. Each command is one file, imported when it is called."""

from __future__ import annotations

import sys
import traceback
from types import TracebackType

import click

import arena
from arena import commands
from arena.cli.lazy import LazyGroup
from arena.errors import ArenaError

COMMANDS = {
    "play": "arena.cli.play:play",
    "train": "arena.cli.train:train",
    "verify": "arena.cli.verify:verify",
    "replay": "arena.cli.replay:replay",
    "games": "arena.cli.catalogue:games",
    "operators": "arena.cli.catalogue:operators",
    "check": "arena.cli.check:check",
    "new": "arena.cli.new:new",
    "worker": "arena.cli.worker:worker",
    "keys": "arena.cli.curve_keys:keys",
    "env": "arena.cli.env:env",
    "doctor": "arena.cli.doctor:doctor",
}


@click.group(cls=LazyGroup, where=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(arena.__version__, prog_name="arena")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Seat an RL policy, a vision-language model and a person at the same game, and compare them fairly.

    \b
    arena play --operators vlm,ppo,human      three at a hold'em table
    arena games; arena operators              what there is to choose from
    arena verify RUN                          play a recorded run again and check every hash
    arena new game NAME; arena check game     a game of your own in one file, and whether it holds
    """


def main() -> None:
    """Entry point: errors become one message and an exit code (2 bad input, 1 failure, 130 interrupted)."""
    ours = sys.argv[: sys.argv.index("--")] if "--" in sys.argv else sys.argv  # behind it is a worker's own command
    debug = "--debug" in ours
    if debug:
        # Wherever it stands: a user adds it to the end of the command that failed.
        sys.argv.remove("--debug")
    else:
        sys.excepthook = _bug
    try:
        cli(standalone_mode=False, prog_name="arena")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except ArenaError as error:
        if debug:
            traceback.print_exc()
        print(f"arena: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(1)


def _bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody foresaw is a bug of ours or of a plugin: one message, and where to see more."""
    from arena.files import PREFIX

    for frame, line in reversed(list(traceback.walk_tb(trace))):
        if frame.f_globals.get("__name__", "").startswith(PREFIX):  # a plugin in a file of the user's
            where = f"{frame.f_code.co_filename}, line {line}, in {frame.f_code.co_name}"
            text = f"{where}: {kind.__name__}: {error}. `{commands.arena('check')}` tests that file; --debug shows more"
            print(f"arena: {text}", file=sys.stderr)
            return
    text = f"{kind.__name__}: {error}. Add --debug to see where, and please report it"
    print(f"arena: this is a bug: {text}", file=sys.stderr)
