"""`arena env`: the environments of the runtimes that plugins declare."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape

from arena import commands, plugins
from arena.cli import installed
from arena.cli.lazy import Group
from arena.cli.options import option
from arena.cli.steps import Steps
from arena.errors import InputError, nearest
from arena.runtime import Runtime
from arena.supervisor.runtime import home
from arena.supervisor.runtime.create import check as check_environment
from arena.supervisor.runtime.create import create as create_environment
from arena.supervisor.runtime.create import remove as remove_environment
from arena.supervisor.runtime.home import Environment
from arena.supervisor.runtime.use import how_to_create, missing


@click.group(cls=Group)
def env() -> None:
    """Create, list, check and remove the environments that some plugins run in.

    A plugin whose packages cannot live beside the arena's declares a runtime. NAME is that runtime's name, or a
    plugin in a file: ./plugin.py or ./plugin.py:RUNTIME. Environments are kept in $ARENA_HOME/envs, which is
    by default in your data folder.
    """


@env.command()
@click.argument("name")
@option(
    "--python", type=click.Path(path_type=Path), show_default="one that fits", help="The interpreter to make it of."
)
@click.option("--rebuild", is_flag=True, help="Make it afresh, of the same versions.")
@click.option("--upgrade", is_flag=True, help="Make it afresh, of the newest versions that fit.")
def create(name: str, python: Path | None, rebuild: bool, upgrade: bool) -> None:
    """Create the environment of a runtime, or go on where it was interrupted.

    The versions that were chosen are kept in a lock file and used whenever it is created again.
    """
    runtime = plugins.runtime(name)
    console = Console(stderr=True)
    before = home.current(runtime)
    if runtime.licence:
        console.print(runtime.licence, highlight=False, markup=False, soft_wrap=True)
    with Steps(console) as steps:
        made = create_environment(runtime, steps, python=python, rebuild=rebuild, upgrade=upgrade)
    ready = made.ready
    assert ready is not None
    same = before is not None and before.folder == made.folder and not (rebuild or upgrade)
    print(f"{name} {'is there already' if same else 'is ready'}: Python {ready.python}, {decimal(made.size)}")
    print(f"python: {made.python}\nlock: {ready.lock}")


@env.command("list")
@click.option("--json", "as_json", is_flag=True, help="For machines.")
def list_(as_json: bool) -> None:
    """List the runtimes that plugins declare, and the environments that there are."""
    rows = _rows()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    console = Console()
    for row in rows:
        style = {"ready": "green", "not created": "dim", "fits here": "green"}.get(row["state"], "yellow")
        console.print(f"[bold cyan]{row['name']}[/]  [{style}]{row['state']}[/]", highlight=False)
        for label in ("summary", "python", "requirements", "size", "path", "advice"):
            if row.get(label):
                console.print(f"  [dim]{label:<12}[/]  {escape(row[label])}", highlight=False, soft_wrap=True)
    if not rows:
        console.print("no plugin that is installed declares a runtime")


@env.command()
@click.argument("name")
def check(name: str) -> None:
    """Check an environment: its Python runs, everything imports, versions are those of the lock file.

    Exit code 0 when all is well, 1 when something is to be repaired.
    """
    runtime = plugins.runtime(name)
    environment = home.current(runtime)
    if environment is None:
        raise InputError(f"{missing(runtime)}. {how_to_create(name)}")
    ready = environment.ready
    assert ready is not None
    lock = Path(ready.lock)
    if not lock.exists():
        faults = [f"its lock file is gone: {lock}"]
    else:
        found, faults = check_environment(environment, runtime, lock)
        if found is not None and not faults:
            print(f"{name} is well: Python {ready.python}, arena {found.arena}, ", end="")
            print(f"{len(found.installed)} packages as locked in {lock}")
    for fault in faults:
        print(f"PROBLEM  {fault}")
    if faults:
        print(f"repair it with: {commands.arena('env', 'create', name, '--rebuild')}")
        sys.exit(1)


@env.command()
@click.argument("name")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def remove(name: str, yes: bool) -> None:
    """Remove every environment of a runtime, those of earlier definitions too. Its lock files stay."""
    label = plugins.runtime(name).name if name.endswith(".py") or ".py:" in name else name
    there = home.environments(label)
    if not there:
        known = {one.name for one in home.environments()}
        raise InputError(f"there is no environment of {name!r} in {home.home() / 'envs'}. {nearest(label, known)}")
    for one in there:
        print(f"{one.folder}  {decimal(one.size)}")
    if not yes:
        if not sys.stdin.isatty():
            raise InputError("removing asks first, and nobody can answer here. Add --yes")
        click.confirm("Remove?", abort=True)
    for one in there:
        remove_environment(one)
    print(f"removed; {commands.arena('env', 'create', name)} makes it again of the same versions")


def _rows() -> list[dict[str, str]]:
    """One row for each declared runtime without an environment, and one for each environment."""
    rows = []
    declared: dict[str, Runtime] = {}
    for found in installed.every("runtime"):
        if found.plugin is None:
            rows.append({"name": found.name, "state": "broken", "advice": found.error})
            continue
        declared[found.name] = found.plugin
        if not home.environments(found.name):
            rows.append(_declared(found.plugin))
    rows += [_made(one, declared.get(one.name)) for one in home.environments()]
    return sorted(rows, key=lambda row: row["name"])


def _declared(runtime: Runtime) -> dict[str, str]:
    here = home.fits_here(runtime)
    return {
        "name": runtime.name,
        "state": "fits here" if here else "not created",
        "summary": runtime.summary,
        "python": runtime.python,
        "requirements": ", ".join(runtime.requirements),
        "advice": "" if here else commands.arena("env", "create", runtime.name),
    }


def _made(environment: Environment, runtime: Runtime | None) -> dict[str, str]:
    state, ready = environment.state(runtime), environment.ready
    create, remove = (commands.arena("env", verb, environment.name) for verb in ("create", "remove"))
    advice = {"ready": "", "being created": ""}
    return {
        "name": environment.name,
        "state": state,
        "summary": runtime.summary if runtime else "",
        "python": ready.python if ready else "",
        "requirements": ", ".join(runtime.requirements) if runtime else "",
        "size": decimal(environment.size),
        "path": str(environment.folder),
        "advice": advice.get(state, create if runtime else f"{remove}, unless it belongs to a plugin in a file"),
    }
