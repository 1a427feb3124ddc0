"""`arena keys`: the CURVE keys with which arenas and worker servers on different machines authenticate each other."""

from __future__ import annotations

from pathlib import Path

import click

from arena.cli.lazy import Group
from arena.cli.options import option
from arena.errors import InputError
from arena.supervisor import curve

TAKES_KEY = {"ignore_unknown_options": True}  # a key may begin with a dash, and is no option then
folder_option = option(
    "--dir",
    "where",
    type=click.Path(path_type=Path),
    show_default="$ARENA_KEYS, else ~/.config",
    help="Folder of keys.",
)


@click.group(cls=Group)
def keys() -> None:
    """Make and exchange the keys that workers on other machines need.

    Every machine has one pair: `arena keys new`. The secret half stays there; the public half is told to the other
    side, which lets it in (`allow`) or expects it of a server (`trust`). docs/remote-workers.md shows it in order.
    """


@keys.command()
@click.argument("name", default=curve.OWN)
@folder_option
def new(name: str, where: Path | None) -> None:
    """Make a key pair, and print its public half. A pair is never overwritten.

    Without NAME it is this machine's own pair, which `arena play` and `arena worker serve` use by themselves.
    """
    file = curve.new(name, where or curve.folder())
    click.echo(f"secret key: {file} (keep it here)", err=True)
    click.echo("public key, which may be told to anybody:", err=True)
    click.echo(curve.load_pair(file, "this command").public.decode())


@keys.command()
@click.argument("name", default=curve.OWN)
@folder_option
def show(name: str, where: Path | None) -> None:
    """Print the public key of a pair: this machine's own without NAME."""
    file = (where or curve.folder()) / f"{name}.key_secret"
    click.echo(curve.load_pair(file, "this command").public.decode())


@keys.command(context_settings=TAKES_KEY)
@click.argument("name")
@click.argument("key")
@folder_option
def allow(name: str, key: str, where: Path | None) -> None:
    """Let an arena hire the workers that are served here. KEY: what `arena keys show` prints there, or a file.

    NAME is yours to choose: whose key it is. Delete the file to let it in no more.
    """
    file = curve.client_file(name, where or curve.folder())
    new = curve.keep(curve.read_key(key), file)
    click.echo(f"{file}: {name} may hire workers here" + ("" if new else " (as before)"))


@keys.command(context_settings=TAKES_KEY)
@click.argument("address")
@click.argument("key")
@folder_option
def trust(address: str, key: str, where: Path | None) -> None:
    """Expect this key of the worker server at tcp://HOST:PORT. KEY: what it prints when it starts, or a file."""
    curve.parse_address(address, "")
    file = curve.server_file(address, where or curve.folder())
    new = curve.keep(curve.read_key(key), file)
    click.echo(f"{file}: operators may be seated @at={address}" + ("" if new else " (as before)"))


@keys.command("list")
@folder_option
def list_(where: Path | None) -> None:
    """Show which arenas are let in here, and which servers are trusted."""
    place = where or curve.folder()
    for title, folder in (("let in here", place / "clients"), ("trusted servers", place / "servers")):
        try:
            found = curve.allowed(folder)
        except InputError:
            found = {}
        click.echo(f"{title}: {'none' if not found else ''}")
        for key, name in found.items():
            click.echo(f"  {name}  {key.decode()}")
