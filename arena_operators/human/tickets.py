"""Who may see a page: a link that works once, and the cookie it is exchanged for."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from arena_operators.human.person import Person


@dataclass(slots=True, eq=False)
class Ticket:
    """One person's way in. The link's token is good once; who used it holds the cookie."""

    person: Person
    room: str = field(default_factory=lambda: secrets.token_urlsafe(9))  # the page's folder: /room/ROOM/
    token: str | None = field(default_factory=lambda: secrets.token_urlsafe(32))  # unused link
    cookie: str | None = None
    used: list[str] = field(default_factory=list)

    def use(self, token: str) -> str | None:
        """The cookie for an unused token, which is then used; None for any other."""
        if self.token is None or not _same(token, self.token):
            return None
        self.used.append(self.token)
        self.token = None
        self.cookie = secrets.token_urlsafe(32)
        return self.cookie

    def was_used(self, token: str) -> bool:
        """Whether `token` was this person's link once."""
        return any(_same(token, old) for old in self.used)

    def renew(self) -> bool:
        """Make a fresh link unless one is still unused; True if it did."""
        if self.token is not None:
            return False
        self.token = secrets.token_urlsafe(32)
        return True

    def holds(self, cookie: str | None) -> bool:
        """Whether `cookie` is the one that this person's link was exchanged for."""
        return cookie is not None and self.cookie is not None and _same(cookie, self.cookie)


def _same(given: str, kept: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), kept.encode())
