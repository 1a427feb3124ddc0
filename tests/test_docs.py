"""What the documentation shows is true: sessions hold, bytes are as shown, files that are named exist.

A block ```pycon is an interpreter session. In docs/protocol.md each ```json is a header and the ```hex after it its
bytes. Commands are tested in tests/test_docs_commands.py.
"""

from __future__ import annotations

import doctest
import itertools
import json
import math
import os
import re
import subprocess
import sys

import msgspec
import pytest

from arena.errors import ProtocolError
from arena.protocol import codec
from arena.protocol.messages import ToArena, ToWorker
from arena.protocol.version import MAGIC
from tests.docs_kit import BLOCK, DOCUMENTS, ROOT, blocks, files, name


def having(find) -> list:
    return [pytest.param(path, id=name(path)) for path in DOCUMENTS if find(path)]


@pytest.mark.parametrize("path", having(lambda path: any(info == "pycon" for info, _ in blocks(path))))
def test_interpreter_sessions_hold(path):
    text = "\n".join(text for info, text in blocks(path) if info == "pycon")
    test = doctest.DocTestParser().get_doctest(text, {}, path.name, str(path), 0)
    said: list[str] = []
    assert doctest.DocTestRunner().run(test, out=said.append).failed == 0, "".join(said)


def examples() -> list:
    found = blocks(ROOT / "docs" / "protocol.md")
    pairs = [(one[1], two[1]) for one, two in itertools.pairwise(found) if (one[0], two[0]) == ("json", "hex")]
    return [pytest.param(header, text, id=json.loads(header)["type"]) for header, text in pairs]


def wire(value):
    """JSON's value as MessagePack's: "bin:00ff" stands for bytes."""
    if isinstance(value, dict):
        return {name: wire(one) for name, one in value.items()}
    if isinstance(value, list):
        return [wire(one) for one in value]
    return bytes.fromhex(value[4:]) if isinstance(value, str) and value.startswith("bin:") else value


def buffers(value) -> list[bytes]:
    """Zeros for every array that a header refers to, in order."""
    match value:
        case [int(), str(dtype), [*shape]] if dtype in codec.DTYPES:
            return [bytes(codec.DTYPES[dtype].itemsize * math.prod(shape))]
        case dict():
            return [frame for one in value.values() for frame in buffers(one)]
        case list():
            return [frame for one in value for frame in buffers(one)]
    return []


@pytest.mark.parametrize(("header", "text"), examples())
def test_an_example_header_is_what_its_bytes_say_and_what_is_sent(header, text):
    data = bytes.fromhex(text.replace("\n", ""))
    assert msgspec.msgpack.decode(data) == wire(json.loads(header))
    frames = [MAGIC, data, *buffers(json.loads(header))]
    try:
        message = codec.decode_to_worker(frames)
    except ProtocolError:
        message = codec.decode_to_arena(frames)
    assert codec.encode(message)[1] == data


def test_every_message_has_an_example():
    shown = {parameters.id for parameters in examples()}
    assert shown == {cls.__struct_config__.tag for cls in (*ToWorker.__args__, *ToArena.__args__)}


def test_the_protocols_own_worker_is_the_example():
    """docs/protocol.md is complete: a worker written from it alone, without the arena's code, sits at a table."""
    worker = files(ROOT / "docs" / "protocol.md")["tiny_worker.py"]
    assert worker == (ROOT / "docs" / "examples" / "tiny_worker.py").read_text()
    assert not re.search(r"^\s*(from|import) (arena|msgspec)", worker, re.MULTILINE)


@pytest.mark.slow
def test_a_module_of_an_entry_point_hosts_an_operator(tmp_path):
    worker = files(ROOT / "docs" / "protocol.md")["tiny_worker.py"]
    (tmp_path / "tiny_worker.py").write_text(worker)
    (tmp_path / "tiny_kind.py").write_text(
        "from arena.game import Views\n"
        "from arena.operator import OperatorKind\n"
        "KIND = OperatorKind(name='tiny', summary='first', target='any:thing', worker='tiny',\n"
        "                    views=lambda spec, what, options: Views(vector=True))\n"
    )
    info = tmp_path / "tiny-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1\n")
    points = "[arena.operators]\ntiny = tiny_kind:KIND\n[arena.workers]\ntiny = tiny_worker\n"
    (info / "entry_points.txt").write_text(points)
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    arena = (sys.executable, "-m", "arena")
    play = ("play", "--game", "leduc", "--operators", "tiny,random", "--matches", "10", "--out", "run")
    for command in (play, ("verify", "run")):
        done = subprocess.run([*arena, *command], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_files_that_are_named_exist(path):
    """Links, and paths in backticks that begin with a folder of the repository."""
    text = BLOCK.sub("", path.read_text())
    linked = [path.parent / name for name in re.findall(r"\]\((?!https?:)([^)#]+)", text)]
    roots = "arena|games|operators|workers|scripts|tests|docs"
    named = [ROOT / name for name in re.findall(rf"`((?:{roots})/[\w./-]+)`", text)]
    missing = [str(file.relative_to(ROOT)) for file in (*linked, *named) if not file.exists()]
    assert missing == []


TEST = re.compile(r"`(?:tests/[\w/]*)?(test_\w+\.py)::(test_\w+)")


@pytest.mark.parametrize("path", having(lambda path: TEST.search(path.read_text(encoding="utf-8"))))
def test_tests_that_are_named_exist(path):
    named = set(TEST.findall(path.read_text(encoding="utf-8")))
    there = {
        (file.name, test)
        for file in (ROOT / "tests").rglob("test_*.py")
        for test in re.findall(r"^def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert sorted(named - there) == []
