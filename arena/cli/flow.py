"""How full the models are kept, and what they take: a part of the live table, for operators of which there is anything

to say: that used tokens, or whose requests wait.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from rich import box
from rich.table import Table
from rich.text import Text

from arena.figures import money, rate, share, timed
from arena.price import Price
from arena.questions import Load
from arena.record.times import Spent
from arena.text import printable

WINDOW = 10.0  # seconds over which rates are taken


class FlowTable:
    """Looks at `loads` and `spent`, which others keep up to date."""

    def __init__(self, prices: Mapping[str, Price | None], spent: Mapping[str, Spent]) -> None:
        """`prices` are by operator, in the order of the rows."""
        self.loads: Mapping[str, Load] = {}
        self._prices = prices
        self._spent = spent
        self._waited: set[str] = set()  # operators of whom a request had to wait
        self._seen: deque[tuple[float, dict[str, tuple[int, int]]]] = deque()  # answers and tokens, by time

    def render(self, now: float) -> Table | None:
        """The table, at this time in seconds; None while there is nothing to say."""
        sums = {name: self._spent.get(name, Spent()) for name in self._prices}
        then, before = self._before(now, {name: (one.answers, one.tokens) for name, one in sums.items()})
        self._waited.update(name for name in sums if self.loads.get(name, Load()).queued > 0)
        shown = [name for name in sums if sums[name].tokens or name in self._waited]
        if not shown:
            return None
        columns: dict[str, list[str | None]] = {
            title: [] for title in ("in flight", "queued", "turns/s", "tokens/s", "first token", "cached", "cost")
        }
        for name in shown:
            spent, load, price = sums[name], self.loads.get(name, Load()), self._prices[name]
            answers, tokens = before.get(name, (0, 0))
            past = now - then
            cells = (
                str(load.in_flight),
                str(load.queued) if self._waited else None,
                _rate(spent.answers - answers, past),
                _rate(spent.tokens - tokens, past) if spent.tokens else None,
                timed(spent.first_token),
                share(spent.hits),
                money(spent.cost(price)) if price is not None else None,
            )
            for cell, column in zip(cells, columns.values(), strict=True):
                column.append(cell)
        columns = {title: cells for title, cells in columns.items() if any(cells)}
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
        table.add_column("model", overflow="fold", min_width=8)
        for title in columns:
            table.add_column(title, justify="right", no_wrap=True)
        for number, name in enumerate(shown):
            table.add_row(Text(printable(name)), *(cells[number] or "-" for cells in columns.values()))
        return table

    def _before(self, now: float, sums: dict[str, tuple[int, int]]) -> tuple[float, dict[str, tuple[int, int]]]:
        """The sums of some seconds ago, and when that was."""
        self._seen.append((now, sums))
        while len(self._seen) > 2 and now - self._seen[1][0] >= WINDOW:
            self._seen.popleft()
        return self._seen[0]


def _rate(count: int, seconds: float) -> str:
    """A second."""
    return rate(count / seconds) if seconds > 0 else "-"
