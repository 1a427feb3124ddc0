"""What was typed behind a command, looked at before click takes it, which says less of what is wrong, or nothing."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click

from arena.cli.named import LISTS, of_named, sort_of


def check_given(ctx: click.Context, args: Sequence[str]) -> None:
    """Raises UsageError for an option that is given twice, of which click would take the last value in silence, and for

    one that there is not and an argument too many: with what was meant.
    """
    command = ctx.command
    try:
        _, extra, given = command.make_parser(ctx).parse_args(list(args))
    except click.NoSuchOption as error:
        similar = error.possibilities
        if how := of_named(ctx, args, error.option_name):
            similar = None
        elif "--set" in _options(command):
            how = f"Settings are given by --set KEY=VALUE (see {ctx.command_path} --help)."
        else:
            return
        raise click.NoSuchOption(error.option_name, f"{error.message} {how}", similar, ctx) from None
    except click.UsageError:
        return  # it comes again where the command itself is called
    for option in given:
        if isinstance(option, click.Option) and not (option.multiple or option.is_flag) and given.count(option) > 1:
            raise click.UsageError(f"{option.opts[0]} is given twice: give it once.")
    if extra and not any(param.is_eager for param in given) and (hint := _meant(command, args, extra)):
        many = "s" * (len(extra) > 1)
        raise click.UsageError(f"Got unexpected extra argument{many} ({' '.join(extra)}). {hint}", ctx)


def _options(command: click.Command) -> set[str]:
    return {name for param in command.params if isinstance(param, click.Option) for name in param.opts}


def _meant(command: click.Command, args: Sequence[str], extra: Sequence[str]) -> str:
    """What arguments too many were meant for; "" where they are no names and continue no list."""
    option, before = _before(args, extra)
    goes_on = before.endswith(",") or extra[0].startswith(",")
    lists = [one for one in command.params if set(one.opts) & set(LISTS)]
    if goes_on or any(option in one.opts for one in lists):
        sorts = [sort_of(word, "operator") for word in extra]
        if goes_on or set(sorts) == {"operator"}:
            whole = ",".join(part for word in (before, *extra) for part in word.split(",") if part)
            said = " ".join(filter(None, (option, shlex.quote(whole))))
            return f"Did you mean {said}? A list has commas and no spaces."
    sorts = [sort_of(word, "game") for word in extra]
    games = [word for word, sort in zip(extra, sorts, strict=True) if sort == "game" and "--game" in _options(command)]
    words = [word for game in games for word in ("--game", game)]
    several = next((name for one in lists for name in one.opts if name in LISTS), "")
    if several and (seated := [word for word, sort in zip(extra, sorts, strict=True) if sort == "operator"]):
        words += [several, ",".join(seated)]
    return f"Did you mean {shlex.join(words)}?" if words else ""


def _before(args: Sequence[str], extra: Sequence[str]) -> tuple[str, str]:
    """The option and its value that stand before the arguments too many; "" for what is not there."""
    count = len(extra)
    places = [at for at in range(len(args)) if list(args[at : at + count]) == list(extra)]
    at = places[-1] if places else args.index(extra[0])
    before = args[at - 1] if at else ""
    if before.startswith("--") and "=" in before:
        option, _, before = before.partition("=")
        return option, before
    return (args[at - 2] if at > 1 and args[at - 2].startswith("-") else ""), before
