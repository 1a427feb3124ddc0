"""Access to a page: a link that works once, and the cookie that it is exchanged for."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from arena_operators.human.person import Person


@dataclass(slots=True, eq=False)
class Login:
    """One person's login. The link's token is valid once and is exchanged for the cookie."""

    person: Person
    room: str = field(default_factory=lambda: secrets.token_urlsafe(9))  # the page's folder: /room/ROOM/
    token: str | None = field(default_factory=lambda: secrets.token_urlsafe(32))  # unused link
    cookie: str | None = None
    used: list[str] = field(default_factory=list)

    def use(self, token: str) -> str | None:
        """Exchange an unused token for the cookie; None for any other token."""
        if self.token is None or not _same(token, self.token):
            return None
        self.used.append(self.token)
        self.token = None
        self.cookie = secrets.token_urlsafe(32)
        return self.cookie

    def was_used(self, token: str) -> bool:
        """Whether `token` is a used token of this person."""
        return any(_same(token, old) for old in self.used)

    def renew(self) -> bool:
        """Make a new link unless one is unused. Returns whether it made one."""
        if self.token is not None:
            return False
        self.token = secrets.token_urlsafe(32)
        return True

    def holds(self, cookie: str | None) -> bool:
        """Whether `cookie` is this person's cookie."""
        return cookie is not None and self.cookie is not None and _same(cookie, self.cookie)


def _same(given: str, kept: str) -> bool:
    return secrets.compare_digest(given.encode("utf-8", "replace"), kept.encode())
