"""The page in Chromium: two widths, two themes, links to a turn, keys, and many turns in bounded memory."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import arena.report.page
from arena import plugins
from arena.game import Views
from arena.record.moments import Moment, Result, ShownTurn
from arena.record.reader import Run
from arena.report.html import tag
from arena.report.page import page_of, several, write_report
from arena.report.replays import PIECE, Replays, ShownMatch, ShownMoment, data_elements
from tests.report.kit import CHROMIUM, FLAGS, HOSTILE, in_browser, record, thinkers

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = in_browser
# Texts whose contrast with the ground below them is less than the 4.5 that WCAG 2.2 asks for.
CONTRAST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const found = parse(getComputedStyle(at).backgroundColor);
      if (found.length < 4 || found[3] > 0) return found;
    }
  };
  return [...document.querySelectorAll("body *:not(script, style, noscript)")]
    .filter((one) => [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
    .filter((one) => {
      const ink = getComputedStyle(one)[one.closest("svg") ? "fill" : "color"];
      const [a, b] = [light(parse(ink)), light(ground(one))].sort((x, y) => y - x);
      return (a + 0.05) / (b + 0.05) < 4.5;
    })
    .map((one) => one.outerHTML.slice(0, 120));
}"""
CUT = """() => {  // captions that go on beyond the edge of the page
  const whole = document.createRange();
  return [...document.querySelectorAll("caption")]
    .filter((one) => { whole.selectNodeContents(one); return whole.getBoundingClientRect().right > innerWidth; })
    .map((one) => one.textContent);
}"""
SIZES = [(390, 844), (1440, 900)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    with pytest.MonkeyPatch.context() as patch:  # of a game that measures something
        patch.setattr(plugins.game_class("leduc"), "measures", "tests.record.test_measured:ends")
        run = record(thinkers(), tmp_path_factory.mktemp("browser") / "run")
    write_report([run])
    return run


class Looking:
    """A page that notes what is wrong with it."""

    def __init__(self, browser: Any, path: Path, place: str = "", **how: Any) -> None:
        self.complaints: list[str] = []
        self.context = browser.new_context(**how)
        self.page = self.context.new_page()
        self.page.on("console", lambda line: self.complaints.append(line.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda asked: self._own(asked.url))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.goto(path.as_uri() + place)

    def _own(self, url: str) -> None:
        if not url.startswith(("file:", "data:", "blob:")):
            self.complaints.append(url)

    def where(self, text: str) -> None:
        """Waits until the viewer shows this place."""
        self.page.wait_for_function("text => document.querySelector('.where').textContent.includes(text)", arg=text)

    def close(self) -> None:
        self.context.close()
        assert self.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_it_fits_and_complains_of_nothing(
    browser: Any, run: Run, tmp_path: Path, size: tuple[int, int], theme: str
) -> None:
    both = tmp_path / "both.html"
    both.write_text(several([run, run]))
    for path in (run.folder / "report.html", both):
        look = Looking(browser, path, viewport={"width": size[0], "height": size[1]}, color_scheme=theme)
        assert look.page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert look.page.evaluate(CUT) == []
        ground = look.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(255, 255, 255)") == (theme == "light")
        look.close()


def test_a_link_leads_to_a_turn_and_stepping_changes_it(browser: Any, run: Run) -> None:
    look = Looking(browser, run.folder / "report.html", "#match=3&tick=1")
    look.where("match 3, block 1 · tick 1 of")
    assert look.page.locator(".turn").count() == 1
    look.page.locator(".replay").press("ArrowRight")
    look.where("tick 2 of")
    assert look.page.evaluate("location.hash") == "#match=3&tick=2"
    look.page.locator(".replay").press("n")
    look.where("match 4, block 2 · start")
    look.page.evaluate("location.hash = '#match=1&tick=0'")
    look.where("match 1, block 0 · tick 0 of")
    look.page.locator("input[type=range]").fill("2")
    look.where("match 1, block 0 · tick 1 of")
    look.page.locator("#replay-matches .row").nth(2).click()
    look.where("match 2, block 1 · start")
    look.close()


def test_a_fault_leads_to_its_turn(browser: Any, run: Run) -> None:
    look = Looking(browser, run.folder / "report.html")
    link = look.page.locator("#faults a").first
    where = link.inner_text()
    link.click()
    look.where(where.split(", seat")[0].replace("match 0, tick", "match 0, block 0 · tick"))
    assert look.page.locator(".turn .fault").first.is_visible()
    look.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_words_stand_out_from_their_ground(browser: Any, run: Run, theme: str) -> None:
    look = Looking(browser, run.folder / "report.html", "#match=0&tick=0", color_scheme=theme)
    look.where("tick 0 of")
    assert look.page.evaluate(CONTRAST) == []
    look.close()


def test_pictures_of_the_game_and_of_what_a_seat_saw_are_shown(browser: Any, run: Run) -> None:
    look = Looking(browser, run.folder / "report.html", "#match=0&tick=0")
    look.where("tick 0 of")
    for image, width in ((".picture", 640), (".view", 128)):
        look.page.wait_for_function(
            "([name, width]) => document.querySelector(name)?.naturalWidth === width", arg=[image, width]
        )
    look.close()


def test_words_of_operators_are_shown_as_they_are(browser: Any, run: Run) -> None:
    look = Looking(browser, run.folder / "report.html", "#match=0&tick=0")
    look.where("tick 0 of")
    assert HOSTILE in look.page.locator(".thought").first.inner_text()
    assert look.page.title() == "run · agent-arena"
    look.close()


def test_the_theme_can_be_changed(browser: Any, run: Run) -> None:
    look = Looking(browser, run.folder / "report.html", color_scheme="light")
    look.page.locator("#theme").click()
    assert look.page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    look.close()


def test_printing_leaves_the_controls_out(browser: Any, run: Run) -> None:
    look = Looking(browser, run.folder / "report.html", color_scheme="dark")
    look.page.emulate_media(media="print")
    for control in (".bar", ".lists", "nav", "#theme"):
        assert not look.page.locator(control).is_visible()
    assert look.page.locator("#scores table").first.is_visible()
    look.close()


def many(turns: int, letters: int) -> Replays:
    """One match of so many turns, each with a thought of so many letters."""
    out = Replays()
    shown = ShownMatch(match=0, block=0, game="long", game_index=0, seats=("a", "b"), moments=turns)
    for first in range(0, turns, PIECE):
        piece = [ShownMoment(moment=moment(step, letters)) for step in range(first, min(turns, first + PIECE))]
        shown.pieces.append(len(out.pieces))
        out.pieces.append(base64.b64encode(gzip.compress(msgspec.json.encode(piece), mtime=0)).decode())
    out.matches.append(shown)
    return out


def moment(step: int, letters: int) -> Moment:
    thought = (f"{step} " * letters)[:letters]
    turn = ShownTurn(
        seat=step % 2, operator="a", given=Views(text=True), legal=("go",), answer="go", action="go", thought=thought
    )
    return Moment(match=0, block=0, game="long", seats=("a", "b"), tick=step - 1 if step else None, turns=(turn,))


def test_ten_thousand_turns_are_gone_through_in_bounded_memory(browser: Any, tmp_path: Path) -> None:
    turns, letters = 10_000, 4_000
    path = tmp_path / "long.html"
    path.write_text(page_of("long", "", [tag("div", id="viewer")], data_elements(many(turns, letters))))
    look = Looking(browser, path)
    look.where("start")
    cdp = look.context.new_cdp_session(look.page)
    cdp.send("Performance.enable")

    def measured() -> dict[str, float]:
        cdp.send("HeapProfiler.collectGarbage")
        return {one["name"]: one["value"] for one in cdp.send("Performance.getMetrics")["metrics"]}

    before = measured()
    for tick in range(PIECE - 2, turns - 1, 2 * PIECE):
        look.page.evaluate("tick => { location.hash = `#match=0&tick=${tick}`; }", tick)
        look.where(f"tick {tick} of")
    after = measured()
    # The thoughts that were looked at are 20 MB; eight pieces of them are 2 MB.
    assert after["JSHeapUsedSize"] - before["JSHeapUsedSize"] < 8_000_000
    assert after["Nodes"] < 3_000
    assert look.page.locator("#replay-moments .row").count() < 60
    look.close()


@pytest.mark.parametrize(
    ("prompt", "labels"),
    [
        (None, ["saw"]),
        ("[picture 8x8]\nLegal: go.", ["prompt", "in words"]),
        ("It is red. Go?", ["prompt"]),
        ("", ["prompt", "in words"]),
    ],
)
def test_words_that_a_model_was_not_asked_with_are_not_called_what_it_saw(
    browser: Any, tmp_path: Path, prompt: str | None, labels: list[str]
) -> None:
    given = Views(image=(8, 8), text=True)
    turn = ShownTurn(seat=0, operator="a", given=given, legal=("go",), answer="go", saw="It is red.", prompt=prompt)
    ended = Result(status="terminated", ticks=1, unit="points (1: all)", returns=(-1e-9,))
    one = Moment(match=0, block=0, game="g", seats=("a",), tick=None, turns=(turn,), result=ended)
    packed = base64.b64encode(gzip.compress(msgspec.json.encode([ShownMoment(moment=one)]), mtime=0)).decode()
    match = ShownMatch(match=0, block=0, game="g", game_index=0, seats=("a",), moments=1, pieces=[0])
    shown = data_elements(Replays(matches=[match], pieces=[packed]))
    path = tmp_path / "one.html"
    path.write_text(page_of("one", "", [tag("div", id="viewer")], shown))
    look = Looking(browser, path)
    look.where("start")
    terms = look.page.locator(".turn dt").all_inner_texts()
    assert [term for term in terms if term in ("saw", "prompt", "in words")] == labels
    assert look.page.locator(".result li").all_inner_texts() == ["seat 0 · a: +0 points"]
    look.close()


LIVE = """<!doctype html><title>live</title><div id="here"></div><script type="module">
import { ReplayViewer } from "/viewer/viewer.js";
const start = { seats: ["a"], tick: null, seed: "00" };
const next = { seats: ["a"], tick: 0, events: ["it goes on"] };
const moments = [{ moment: start }, { moment: next }];
new ReplayViewer(document.getElementById("here"), {
  matches: [{ match: 5, block: 2, game: "live", seats: ["a"], moments: 2, status: "", faults: 0 }],
  notes: [],
  moment: async (at, step) => moments[step],
  held: (at, step) => moments[step],
  picture: (name) => `/pictures/${name}`,
});
</script>"""


def test_another_page_can_import_it_and_give_moments_as_they_come(browser: Any) -> None:
    context = browser.new_context()
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    viewer = Path(arena.report.page.__file__).parent / "viewer"

    def answer(route: Any) -> None:
        name = route.request.url.rpartition("/")[2]
        if not name:
            route.fulfill(body=LIVE, content_type="text/html")
        else:
            route.fulfill(path=viewer / name, content_type="text/javascript")

    page.route("http://arena.invalid/**", answer)
    page.goto("http://arena.invalid/")
    page.wait_for_function("document.querySelector('.where')?.textContent.includes('match 5, block 2')")
    page.locator(".replay").press("ArrowRight")
    page.wait_for_selector("text=it goes on")
    context.close()
    assert complaints == []
