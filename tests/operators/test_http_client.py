"""The client of model servers, against a real HTTP server: what it takes from the environment."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

pytest.importorskip("aiohttp")

import aiohttp

from arena_operators.vlm.http_client import Client
from tests.operators.compatible_server import CompatibleServer

BODY = b'{"model": "toy", "messages": [{"role": "user", "content": "hello"}]}'


def status(url, at=None):
    """The status of a question that a client for `url` asks at `at`."""

    async def run():
        client = Client(url)
        try:
            async with client.request("POST", f"{at or url}/chat/completions", BODY) as response:
                return response.status
        finally:
            await client.close()

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


@pytest.mark.parametrize(("login", "sent"), [("", False), ("me:secret@", True)])
def test_a_proxy_before_an_encrypted_server_gets_its_own_login_and_never_the_servers_key(monkeypatch, login, sent):
    heads = []

    async def refuse(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        writer.close()

    async def run():
        async with await asyncio.start_server(refuse, "127.0.0.1") as proxy:
            address = f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
            monkeypatch.setenv("https_proxy", f"http://{login}{address}")
            client = Client("https://models.example/v1", "THE-SERVERS-KEY")
            with suppress(aiohttp.ClientError):
                async with client.request("POST", "https://models.example/v1/chat/completions", BODY):
                    raise AssertionError
            await client.close()

    asyncio.run(run())
    (head,) = heads
    assert head.startswith(b"CONNECT models.example:443 ")
    assert b"THE-SERVERS-KEY" not in head
    assert (b"Proxy-Authorization: Basic " in head) is sent


def test_no_proxy_stands_before_a_server_of_this_machine(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with CompatibleServer() as server:
        assert status(server.url) == 200


def test_a_proxy_of_another_kind_is_refused_in_words(monkeypatch):
    monkeypatch.setenv("all_proxy", "socks5://me:secret@127.0.0.1:9")
    with pytest.raises(ValueError, match=r"a socks5 proxy for http://models.example/v1: .*NO_PROXY=models") as error:
        status("http://models.example/v1")
    assert "secret" not in str(error.value)
