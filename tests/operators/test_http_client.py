"""The client of model servers, against a real HTTP server: what it takes from the environment."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("aiohttp")

from arena_operators.vlm.http_client import session
from tests.operators.compatible_server import CompatibleServer

BODY = b'{"model": "toy", "messages": [{"role": "user", "content": "hello"}]}'


def status(url, at=None):
    """The status of a question that a client for `url` asks at `at`."""

    async def run():
        async with session(url) as client, client.post(f"{at or url}/chat/completions", data=BODY) as response:
            return response.status

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_no_password_of_a_netrc_is_sent(tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\ndefault login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with CompatibleServer() as server:
        assert status("http://elsewhere.example/v1", at=server.url) == 200
        assert "Authorization" not in server.turns[0].headers


def test_the_proxy_of_the_environment_stands_before_a_server_elsewhere(monkeypatch):
    with CompatibleServer() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1").replace("://", "://me:secret@"))
        assert status("http://models.example/v1") == 200
        (turn,) = proxy.turns
    assert turn.headers["Host"] == "models.example"
    assert turn.headers["Proxy-Authorization"].startswith("Basic ")


def test_no_proxy_stands_before_a_server_of_this_machine(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with CompatibleServer() as server:
        assert status(server.url) == 200


def test_a_proxy_of_another_kind_is_refused_in_words(monkeypatch):
    monkeypatch.setenv("all_proxy", "socks5://me:secret@127.0.0.1:9")
    with pytest.raises(ValueError, match=r"a socks5 proxy for http://models.example/v1: .*NO_PROXY=models") as error:
        status("http://models.example/v1")
    assert "secret" not in str(error.value)
