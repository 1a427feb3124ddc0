"""The HTTP client of a model server: one aiohttp session, with as many connections as requests are in flight."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
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


class Client:
    """For requests to the server at `url`, with `secret` as its key; made on the event loop that uses it."""

    def __init__(self, url: str, secret: str = "") -> None:
        """Nothing but the proxy comes from the environment: a .netrc may hold a password that nobody named for this

        server. ValueError for a proxy that is none of HTTP.
        """
        proxy, login = _proxy(url)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEPT_OPEN),
            headers=HEADERS,
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            proxy=proxy,
        )
        # The key is no header of the session: aiohttp would send it to the proxy, as the proxy's own.
        self._headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        self._proxy_headers = {"Proxy-Authorization": login} if login else None
        if login and urlsplit(url).scheme == "http":  # the proxy reads the request itself, and no CONNECT before it
            self._headers["Proxy-Authorization"] = login

    def request(
        self, how: str, url: str, content: bytes | None = None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """The response, once its head is here; its connection is closed where it is left before its end."""
        return self._session.request(
            how, url, data=content, headers=self._headers, proxy_headers=self._proxy_headers, allow_redirects=False
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()


def _proxy(url: str) -> tuple[URL | None, str]:
    """The proxy that the environment names for `url`, and its login. None stands before a server of this machine."""
    parts = urlsplit(url)
    if parts.hostname in LOOPBACK or proxy_bypass(parts.netloc):
        return None, ""
    named = getproxies()
    found = named.get(parts.scheme) or named.get("all")
    if not found:
        return None, ""
    proxy = URL(found if "://" in found else f"http://{found}")
    if proxy.scheme not in ("http", "https"):
        raise ValueError(
            f"the environment names a {proxy.scheme} proxy for {url}: expected one of http or https. "
            f"Set NO_PROXY={parts.hostname} where the server is reached without it"
        )
    login = aiohttp.encode_basic_auth(proxy.user, proxy.password or "") if proxy.user else ""
    return proxy.with_user(None), login
