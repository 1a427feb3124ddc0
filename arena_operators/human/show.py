"""What a person sees in a terminal, as rich renderables. No I/O."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from arena.operator import OpenSeat, Request
from arena.text import printable
from arena_operators.human.choices import GIVE_UP, Choice
from arena_operators.human.facts import Card, Fact, read
from arena_operators.human.results import Result, company, seat_name, signed
from arena_operators.human.talk import Line

FELT = "green"
_FACES = {"black": "bold", "red": "bold red", "blue": "bold bright_blue", "green": "bold green"}
CLEAR = "\x1b[H\x1b[2J\x1b[3J"  # also clears the scroll-back: the next person must not see these cards


def render(thing: RenderableType, width: int) -> str:
    """`thing` as terminal text, at most 100 columns wide (NO_COLOR and TERM are honoured)."""
    out = io.StringIO()
    Console(file=out, force_terminal=True, width=min(width, 100), highlight=False, emoji=False).print(thing)
    return out.getvalue()


def turn(
    seat: OpenSeat, title: str, request: Request, offered: Sequence[Choice], heard: Sequence[Line] = ()
) -> RenderableType:
    """One question: the cards that the facts name, the table in words, what was said, and what may be done and said."""
    parts: list[RenderableType] = [Rule(Text(title, style="bold"), style=FELT)]
    if others := company(seat):
        parts.append(Text(", ".join(others), style="dim"))
    if request.reason:
        parts.append(Text(f"Asked again, because: {printable(request.reason)}", style="bold yellow"))
    facts = read(request.observation.facts)
    parts += [*_cards(facts), _words(request.observation.text or "", facts)]
    parts += [Text.assemble((f"{line.who} said: ", "dim"), (line.text, "bold cyan")) for line in heard]
    parts += [
        Text(),
        _offered(offered),
        *_talk(request),
        Text(f"? help and rules   {GIVE_UP} give up this match", style="dim"),
    ]
    if request.budget is not None:
        parts.append(Text(f"You have {request.budget:.0f} seconds.", style="yellow"))
    return Padding(Group(*parts), (1, 0, 0, 0))


def _talk(request: Request) -> list[RenderableType]:
    seen, out = request.observation, []
    if seen.free_text:
        out.append(f"Or say something of your own: type it, at most {seen.free_text} characters.")
    elif seen.table_talk:
        out.append(f'Type " and words to say them beside your move, at most {seen.table_talk} characters.')
    return [Text(line, style="cyan") for line in out]


def prompt(seat: OpenSeat) -> str:
    """The text before the cursor."""
    return f"{seat_name(seat, seat.seat)}, your move: "


def wrong(given: str, offered: Sequence[Choice], actions: Sequence[str]) -> RenderableType:
    """Why `given` is not a choice, and what is."""
    known = [name for name in actions if name.lower() == given.strip().lower()]
    numbers = ", ".join("/".join(choice.keys) for choice in offered)
    why = (
        f"{known[0]} is not legal now"
        if known
        else f"'{printable(given[:80])}' is not a choice here"
        if given.strip()
        else ""
    )
    return Text(f"{why}{'; t' if why else 'T'}ype {numbers} or a name, then Enter.", style="yellow")


def help_text(seat: OpenSeat, request: Request, offered: Sequence[Choice]) -> RenderableType:
    """Rules and keys."""
    keys = "\n".join(f"  {' or '.join(choice.keys):8} {printable(choice.name)}" for choice in offered)
    parts: list[RenderableType] = [
        Panel(
            Text(printable(seat.card.rules, lines=True)),
            title=Text(printable(seat.card.game)),
            title_align="left",
            border_style=FELT,
        )
    ]
    more = f"Type a key, a name or its beginning, then Enter.\n{GIVE_UP} gives up this match; Ctrl-C stops the arena."
    parts.append(Text(f"{keys}\n{more}"))
    return Group(*parts)


def ended(seat: OpenSeat, title: str, result: Result) -> RenderableType:
    """The result of a match."""
    style = {"won": "bold green", "lost": "bold red"}.get(result.verdict, "bold")
    parts: list[RenderableType] = [Text(result.headline, style=style)]
    parts += [Text(sentence) for sentence in result.details]
    if len(result.rows) > 1:
        table = Table.grid(padding=(0, 2))
        table.add_column()
        table.add_column(justify="right")
        for row in result.rows:
            style = "bold" if row.you else ""
            table.add_row(Text(f"{row.name}{' - you' if row.you else ''}", style), Text(signed(row.value), style))
        parts += [Text(), table]
    return Padding(Panel(Group(*parts), title=Text(title), title_align="left", border_style=FELT), (1, 0, 0, 0))


def _offered(offered: Sequence[Choice]) -> RenderableType:
    items = []
    for choice in offered:
        item = Text.assemble((f" {choice.number} ", "bold reverse green"), " ", (printable(choice.name), "bold"))
        if choice.letter:
            item.append(f" ({choice.letter})", style="dim")
        items.append(item)
    return Columns(items, padding=(0, 3))


def _cards(facts: Sequence[Fact]) -> list[RenderableType]:
    piles = [Group(Text(fact.label, style="dim"), _pile(fact.cards)) for fact in facts if fact.cards]
    return [Columns(piles, padding=(0, 4))] if piles else []


def _pile(cards: Sequence[Card]) -> RenderableType:
    rows = [Text(), Text(), Text(), Text()]
    for card in cards:
        for row, edge in ((rows[0], "╭───╮ "), (rows[3], "╰───╯ ")):
            row.append(edge, style="dim")
        for row, middle in (
            (rows[1], f"{card.rank:<3}"),
            (rows[2], f" {card.suit} " if card.suit else f"{card.rank:>3}"),
        ):
            row.append("│", style="dim").append(middle, style=_FACES[card.colour]).append("│ ", style="dim")
    return Group(*rows)


def _words(text: str, facts: Sequence[Fact]) -> Text:
    """The text view, with the cards in the facts coloured and the words before a colon dimmed."""
    out = Text(printable(text, lines=True))
    for card in {card for fact in facts for card in fact.cards if card.suit}:
        out.highlight_regex(rf"\b{card.code}\b", _FACES[card.colour])
    out.highlight_regex(r"(?m)^[^:.\n]{1,24}:", "dim")
    return out
