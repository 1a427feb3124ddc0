"""The documentation site: it builds without a warning, links lead somewhere, nothing is fetched from elsewhere."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import click
import pytest

pytest.importorskip("mkdocs", reason="needs the extra docs")

from arena.cli.main import cli
from tests.docs_kit import ROOT

pytestmark = pytest.mark.slow
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

# What the reference promises to show: every public class and function of these modules.
MODULES = [
    "canonical",
    "errors",
    "evaluate.table",
    "export.gym",
    "export.opponents",
    "export.zoo",
    "game",
    "operator",
    "options",
    "plan",
    "play",
    "plugins",
    "record.verify",
    "runtime",
    "testing.game_suite",
    "testing.golden",
    "testing.operator_suite",
    "testing.worker_suite",
]
FUNCTIONS = ["lineup.build_plan", "observer.Observer", "record.reader.Run"]
LOADED = {("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("object", "data")}


class Page(HTMLParser):
    """What a page loads, links to, and can be linked at."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            if value is None:
                continue
            if key == "id" or (tag == "a" and key == "name"):
                self.anchors.add(value)
            if (tag, key) in LOADED:
                self.loads.append(value)
            if tag == "link" and key == "href":
                rel = dict(attrs).get("rel") or ""
                (self.links if rel in ("next", "prev", "canonical") else self.loads).append(value)
            if tag == "a" and key == "href":
                self.links.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    # Not --quiet: warnings would not be counted.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_every_document_is_a_page(pages, site):
    """`--strict` says which are not in the navigation; this says which are not built at all."""
    documents = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    wanted = [path for path in documents if "node_modules" not in path.parts]
    assert [str(path) for path in wanted if site / path.with_suffix(".html") not in pages] == []


def test_links_and_anchors_lead_somewhere(pages, site):
    broken = []
    for page in pages.values():
        if page.path.name == "404.html":
            continue  # its links begin at the root of wherever the site is put
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
            target = target / "index.html" if target.is_dir() else target
            if not target.is_file():
                broken.append((page.path.name, link, "no such file"))
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                broken.append((page.path.name, link, "no such anchor"))
    assert broken == []


def test_pages_and_styles_load_nothing_from_elsewhere(pages, site):
    foreign = [(page.path.name, what) for page in pages.values() for what in page.loads if urlsplit(what).netloc]
    for style in site.rglob("*.css"):
        named = re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s;]+)", style.read_text())
        foreign += [(style.name, what) for what in named if urlsplit(what).netloc]
    assert foreign == []


def public() -> Iterator[str]:
    """Names of the public classes and functions that the modules define, and of their public methods."""
    for module in MODULES:
        tree = ast.parse((ROOT / "arena" / f"{module.replace('.', '/')}.py").read_text())
        for node in tree.body:
            if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name.startswith("_"):
                continue
            yield f"{module}.{node.name}"
            if isinstance(node, ast.ClassDef):
                inner = [one.name for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
                yield from (f"{module}.{node.name}.{one}" for one in inner if not one.startswith("_"))
    yield from FUNCTIONS


def test_every_public_name_is_in_the_reference(pages):
    shown = set().union(*(page.anchors for page in pages.values()))
    assert [name for name in public() if f"arena.{name}" not in shown] == []


def test_every_command_and_option_is_in_the_reference(site):
    text = (site / "reference" / "cli.html").read_text()

    def lacking(command: click.Command, path: str) -> Iterator[str]:
        context = click.Context(command, info_name=path)
        if f'id="{path.replace(" ", "-")}"' not in text:
            yield path
        for param in command.params:
            if isinstance(param, click.Option) and not param.hidden:
                yield from (f"{path} {one}" for one in param.opts if one not in text)
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                if (found := command.get_command(context, name)) is not None:
                    yield from lacking(found, f"{path} {name}")

    assert list(lacking(cli, "arena")) == []


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH; name one by CHROMIUM=/path/to/chromium")
def test_search_works_from_a_folder_and_nothing_is_fetched(site):
    playwright = pytest.importorskip("playwright.sync_api")
    foreign: list[str] = []
    with playwright.sync_playwright() as play, play.chromium.launch(executable_path=CHROMIUM, args=FLAGS) as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.on("request", lambda asked: asked.url.startswith(("file:", "data:", "blob:")) or foreign.append(asked.url))
        page.on("pageerror", lambda error: foreign.append(str(error)))
        page.goto((site / "index.html").as_uri())
        page.fill("input.md-search__input", "lockstep")
        page.wait_for_selector("a.md-search-result__link[href*='concepts.html']", timeout=60_000)
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            for name in ("index", "quick-start", "concepts", "reference/cli"):
                page.goto((site / f"{name}.html").as_uri())
                wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                assert wide <= 0, f"{name} is {wide} pixels wider than a window of {width}"
    assert foreign == []
