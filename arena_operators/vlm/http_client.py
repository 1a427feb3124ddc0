"""The HTTP client of model servers: one aiohttp session, with as many connections as requests are in flight."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

CONNECT = 10.0  # seconds. An answer may take any time: the arena's deadline counts
KEPT_OPEN = 2.0  # seconds of an idle connection: less than servers keep it, which close it while it is used again
LOOPBACK = ("localhost", "127.0.0.1", "::1")
HEADERS = {
    "Content-Type": "application/json",
    "Accept-Encoding": "identity",  # no compression: it could make of little data more than memory
}


def session(url: str, secret: str = "") -> aiohttp.ClientSession:
    """For requests to the server at `url`, with `secret` as its key; made on the event loop that uses it.

    Nothing but the proxy comes from the environment: a .netrc may hold a password that nobody named for this server.
    ValueError for a proxy that is none of HTTP.
    """
    proxy, login = _proxy(url)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_OPEN),
        headers=HEADERS | ({"Authorization": f"Bearer {secret}"} if secret else {}),
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        proxy=proxy,
        proxy_auth=login,
    )


def _proxy(url: str) -> tuple[URL | None, aiohttp.BasicAuth | None]:
    """The proxy that the environment names for `url`, and its login. None stands before a server of this machine."""
    parts = urlsplit(url)
    if parts.hostname in LOOPBACK or proxy_bypass(parts.netloc):
        return None, None
    named = getproxies()
    found = named.get(parts.scheme) or named.get("all")
    if not found:
        return None, None
    proxy = URL(found if "://" in found else f"http://{found}")
    if proxy.scheme not in ("http", "https"):
        raise ValueError(
            f"the environment names a {proxy.scheme} proxy for {url}: expected one of http or https. "
            f"Set NO_PROXY={parts.hostname} where the server is reached without it"
        )
    login = aiohttp.BasicAuth(proxy.user, proxy.password or "") if proxy.user else None
    return proxy.with_user(None), login
