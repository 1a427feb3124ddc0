"""The options of operators whose model is on a server: what is refused before anything starts."""

from __future__ import annotations

import pytest

from arena import names, plugins
from arena.errors import InputError, MissingExtraError
from arena.lineup import build_plan
from arena.operator import determinism_of
from arena_operators.vlm import options
from arena_operators.vlm.kind import KIND
from arena_operators.vlm.options import server_url

URL = "http://localhost:1/v1"


def entry(name, game="leduc"):
    return build_plan(game, [name, "random"]).pool[0]


def test_a_url_means_a_server_and_the_model_may_have_any_name():
    found = entry(f"vlm:'llava:7b'@url={URL}")
    assert (found.options["backend"], found.options["model"], found.options["in_flight"]) == ("openai", "llava:7b", 16)
    assert (found.options["prompt"], found.options["max_tokens"]) == ("full", 256)
    assert determinism_of(KIND, found.what, found.options) == "measured"


def test_nano_on_a_server_is_asked_as_nano():
    found = entry(f"vlm@url={URL}")
    assert (found.options["model"], found.options["prompt"], found.options["max_tokens"]) == ("nano", "short", 96)
    assert found.views.image == (128, 128)


@pytest.mark.parametrize("name", ["llm", "llm:smollm2", "llm:smollm2@model=SmolLM2-135M"])
def test_smollm2_on_a_server_is_asked_as_smollm2(name):
    """By whoever runs it; it needs no weights here."""
    found = entry(f"{name}@url={URL}").options
    asked = [found[one] for one in ("prompt", "examples", "temperature", "max_tokens")]
    assert asked == ["brief", 2, 0.2, 32]


@pytest.mark.parametrize("name", ["vlm", "llm"])
def test_a_server_may_name_another_model_alone(name):
    found = entry(f"{name}@url={URL}@model=toy").options
    assert (found["model"], found["prompt"], found["max_tokens"]) == ("toy", "full", 256)


@pytest.mark.parametrize("name", ["vlm", "vlm:nano", "llm", "llm:smollm2", "vlm:toy", "llm@model=toy"])
def test_options_that_were_filled_in_stay_as_they_are(name):
    found = entry(f"{name}@url={URL}")
    assert options.filled(found.what, found.options, found.kind.name) == found.options


def test_requests_in_flight_are_limited_as_it_says():
    assert KIND.max_in_flight("toy", entry(f"vlm:toy@url={URL}@in_flight=3").options) == 3


def test_a_reader_on_a_server_needs_no_picture():
    found = entry(f"llm:toy@url={URL}", game="openspiel:tic_tac_toe")
    assert (found.views.image, found.options["model"]) == (None, "toy")


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("http://localhost:8000", "http://localhost:8000/v1"),
        ("http://localhost:8000/", "http://localhost:8000/v1"),
        ("https://openrouter.ai/api/v1/", "https://openrouter.ai/api/v1"),
        ("http://[::1]:9931/v1", "http://[::1]:9931/v1"),
    ],
)
def test_an_address_without_a_path_is_that_of_v1(given, wanted):
    assert server_url(given) == server_url(wanted) == wanted


@pytest.mark.parametrize("bad", ["localhost:8000", "ftp://host/v1", "http://", "http://host:port/v1", "http://a b/v1"])
def test_what_is_no_address_is_refused_with_the_value(bad):
    with pytest.raises(InputError, match="expected an address such as") as caught:
        server_url(bad)
    assert bad in str(caught.value)


@pytest.mark.parametrize("bad", ["http://me:sk-123@host/v1", "http://host/v1?key=sk-123", "http://host/v1#sk-123"])
def test_a_secret_in_an_address_is_refused_and_not_repeated(bad):
    with pytest.raises(InputError, match="@key=VARIABLE") as caught:
        server_url(bad)
    assert "sk-123" not in str(caught.value)


SECRET = "sk-or-v1-0123456789abcdef"


@pytest.mark.parametrize(
    "name",
    [
        f"llm:toy@url={URL}@key={SECRET}",
        f"llm:toy@url={URL}@key={SECRET}@temperature=x",
        f"llm:toy@url={URL}@key={SECRET}@unknown=1",
        f"llm:toy@url={URL}@key='{SECRET}",
        f"llm:toy@url={URL}@keyy={SECRET}",
        f"llm:toy@url={URL}@keyy=hunter2-{SECRET}",
        f"llm:toy@url={URL}@model={SECRET}",
        f"llm:{SECRET}@url={URL}",
        f"llm:toy@url=http://me:{SECRET}@localhost:1",
        f"llm:toy@url='http://me:{SECRET}@localhost:1'@temperature=x",
        f"llm:toy@url=http://localhost:1?api_key={SECRET}@temperature=x",
        f"llm:toy@url=http://localhost:1?api_key=hunter2-{SECRET}@temperature=x",
        f"llm:toy@url=http://localhost:1/{SECRET}/v1",
        f"cmd:'./worker {SECRET}'",
    ],
)
def test_a_key_at_a_wrong_place_is_refused_and_not_repeated(name):
    """Before it stands in a file of a run, or in the arguments of a process."""
    with pytest.raises(InputError) as caught:
        entry(name)
    assert SECRET not in str(caught.value)
    with pytest.raises(InputError) as caught:
        names.split(f",{name}")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("what", ["./sk-models-of-2026-v1", "org/task-0123456789012345", "/data/AKIAIOSFODNN7EXAMPLE"])
def test_a_folder_may_be_called_so(what):
    assert names.parse(f"vlm:{what}").what == what


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (f"vlm:toy@url={URL}@device=cuda", "vlm@device= goes with @backend=transformers"),
        ("vlm@key=HOME", "vlm@key= goes with @backend=openai"),
        ("vlm@in_flight=4", "vlm@in_flight= goes with @backend=openai"),
        ("vlm:toy@backend=openai", "needs the server's address: @url="),
        ("vlm@backend=ollama", "expected one of"),
        (f"vlm:toy@url={URL}@top_p=2", "expected 0 to 1"),
        (f"vlm:toy@url={URL}@thinking=100", "goes with @backend=vllm"),
        ("vlm@stream=true", "vlm@stream= goes with @backend=openai"),
        (f"vlm:toy@url={URL}@max_tokens=0", "expected 1 or more"),
    ],
)
def test_what_does_not_go_together_is_refused(name, words):
    with pytest.raises(InputError, match=words):
        entry(name)


def test_what_the_backend_needs_is_named_with_its_extra(monkeypatch):
    installed = plugins.installed
    monkeypatch.setattr(plugins, "installed", lambda module: module != "aiohttp" and installed(module))
    with pytest.raises(MissingExtraError, match=r"backend=openai needs aiohttp.*\[openai\]"):
        entry(f"vlm:toy@url={URL}")
    monkeypatch.setattr(plugins, "installed", lambda module: module != "torch" and installed(module))
    entry(f"vlm:toy@url={URL}")
