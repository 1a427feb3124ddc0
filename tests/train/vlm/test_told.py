"""What a training says of itself: metrics that docs name, pages of turns, what its policy uses, `arena show`."""

from __future__ import annotations

import itertools
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("transformers")

from arena.cli.main import cli
from arena.cli.show import show
from arena.errors import InputError, RecordError
from arena.evaluate.table import ScoreRow
from arena.record.reader import Run
from arena.train.vlm import begun, changes, engines, scored, told
from arena.train.vlm.config import load
from arena.train.vlm.folder import Files
from arena.train.vlm.lines import METRICS
from arena.train.vlm.measures import of_rows, win_rates
from arena.train.vlm.rows import Collected, MatchStat
from arena.train.vlm.samples import markdown, page, samples
from arena.train.vlm.trainer import Trainer, main
from tests.train.vlm.batches import episode
from tests.train.vlm.kit import TOKENS, ids

DOCS = Path(__file__).parents[3] / "docs" / "training-vlm.md"
TOML = """
updates = 2
keep = 1
samples_every = 1
[rollout]
levels = ["leduc@seats=2"]
matches = 2
concurrency = 2
[rollout.pool]
opponents = {self = 0.5, random = 0.5}
[learn]
batch = 4
[critic]
inputs = ["facts"]
hidden = 16
channels = 4
warmup = 0
[model]
mode = "full"
tokens = 256
[evaluation]
every = 2
matches = 2
opponents = ["random"]
pictures = ["blank", "shuffled"]
"""


def config(folder, *settings):
    (folder / "mine.toml").write_text(TOML)
    return load(None, folder / "mine.toml", settings)


SAID: list[str] = []  # what `out` told while it was trained


class Listener:
    def doing(self, what):
        SAID.append(what)

    def updated(self, update, metrics, seconds):
        SAID.append(f"update {update}")


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("told")
    return main(config(folder), folder / "out", shown=Listener())


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_blank_and_shuffled_pictures_are_played_from_the_same_starts_and_scored(out):
    found = lines(out / "metrics.jsonl")[-1]
    names = ["vlm:nano", "vlm:nano@pictures=blank", "vlm:nano@pictures=shuffled"]
    assert {name for name in found if name.startswith("eval/")} == {f"eval/leduc/{name}" for name in [*names, "random"]}
    runs = [Run(scored.folder_of(out, 2, shown)) for shown in ("true", "blank", "shuffled")]
    starts = {tuple((match[0].seed, match[0].state_hash) for match in run.played()) for run in runs}
    assert [len(one) for one in starts] == [2]


def test_a_training_is_shown_in_words(out):
    shown = CliRunner().invoke(show, [str(out)], catch_exceptions=False)
    assert shown.exit_code == 0
    said = shown.output.replace("\n", " ")
    for words in (
        "vlm:nano is trained on leduc@seats=2: 2 of 2 updates of 2 matches, ppo, full weights",
        "last update: return",
        "with blank pictures",
        "with pictures of other turns",
        "what it uses of its pictures",
        "before training, ",
        " deal by deal",
        "is the newest checkpoint",
        "export model",
        "000002.html",
    ):
        assert words in said


def test_what_begins_is_told_until_there_is_a_line_of_an_update(out):
    assert SAID[0] == "playing 2 matches"
    assert SAID[1] == "evaluating before the first update"
    assert SAID[2].startswith("before training, leduc: the model ")
    assert SAID[3].startswith("what it loses so")
    assert re.fullmatch(r"learning from \d+ turns", SAID[4])
    assert SAID[5] == "giving the new weights to the one that plays"
    assert SAID[6:] == ["update 1", "evaluating after update 2", "update 2"]


def test_who_goes_on_with_other_evaluations_has_the_start_evaluated_as_they_are_now(out, tmp_path):
    shutil.copytree(out, tmp_path / "out")
    told_before, more = len(SAID), ("updates=3", "evaluation.seed=9", "evaluation.pictures=", "evaluation.every=1")
    main(config(tmp_path, *more), tmp_path / "out", resume="exact", shown=Listener())
    assert "evaluating the model as it was before training, in matches as they are set now" in SAID[told_before:]
    assert [Run(scored.folder_of(tmp_path / "out", update)).head.plan.seed for update in (0, 3)] == [9, 9]
    assert changes.sentences(tmp_path / "out")
    del SAID[told_before:]


def test_a_line_that_says_less_is_told_as_far_as_it_goes(out, tmp_path):
    shutil.copytree(out, tmp_path / "out")
    (tmp_path / "out" / "metrics.jsonl").write_text('{"update": 1}\n{"update": 2, "rollout/turns": 1234}\n')
    assert "last update: 1,234 turns" in told.sentences(tmp_path / "out")
    (tmp_path / "out" / "metrics.jsonl").write_text('{"update": 2}\n{"update": 3, "reward/mean": "much"}\n')
    assert "last update: its line says nothing of it" in told.sentences(tmp_path / "out")


def test_a_training_that_is_not_done_says_a_command_that_goes_on_with_it(out, tmp_path, monkeypatch):
    shutil.copytree(out, tmp_path / "out")
    head = json.loads((out / begun.HEAD).read_text())
    (tmp_path / "out" / begun.HEAD).write_text(json.dumps(head | {"updates": 3}))
    *_, last = told.sentences(tmp_path / "out")
    command = shlex.split(last.removeprefix("go on with: "))
    words = command[command.index("train") :]
    assert words == ["train", "vlm", "--out", str(tmp_path / "out"), "--resume", "exact"]
    more = ["--set", "updates=3", "--set", "evaluation.every=0", "--quiet"]
    assert CliRunner().invoke(cli, [*words, *more], catch_exceptions=False).exit_code == 0
    assert [line["update"] for line in lines(tmp_path / "out" / "metrics.jsonl")] == [1, 2, 3]
    done = CliRunner().invoke(cli, [*words, *more[:-1]], catch_exceptions=False)
    assert "all 3 updates are done; --set updates=N trains further" in done.stderr


def a_score(score, *, trained=False, start=False, shown="true", name="vlm#1"):
    row = ScoreRow(operator=name, score=score, low=None if start else score - 0.5, high=score + 0.5)
    return scored.Scored(2, shown, trained, start, "spy", row, score)


def test_an_evaluation_tells_the_trained_model_from_what_it_began_as(tmp_path, monkeypatch):
    found = [a_score(1 / 3, trained=True), *(a_score(-1 / 9, start=True, name=f"vlm#{n}") for n in (2, 3, 4))]
    monkeypatch.setattr(told, "scores", lambda out: iter(found))
    (tmp_path / METRICS).write_text('{"update": 2, "spo/stage": 0.0, "spo/vote_accuracy": 0.4}\n')
    assert told.use(tmp_path) == [
        "after update 2, spy: the trained model +0.333 [-0.167, +0.833], the 3 others (the model as it began) -0.111; "
        "stage votes, 40% of votes right"
    ]


def test_pictures_are_named_only_where_some_were_hidden(tmp_path, monkeypatch):
    found = [a_score(1.0, trained=True), a_score(0.5, name="scripted")]
    monkeypatch.setattr(told, "scores", lambda out: iter(found))
    (only,) = told.use(tmp_path)
    assert only == "after update 2, spy: the trained model +1 [+0.5, +1.5], scripted +0.5 [+0, +1]"
    found.append(a_score(0.25, trained=True, shown="blank"))
    by_start = {"000002": {0: 1.0, 1: 2.0}, "000002-blank": {0: 0.5, 1: 1.5, 2: 9.0}}
    monkeypatch.setattr(told, "_returns", lambda folder, game: by_start[folder.name])
    line, lost = told.use(tmp_path)
    assert "+1 [+0.5, +1.5] with its pictures, +0.25 [-0.25, +0.75] with blank pictures" in line
    assert lost.endswith(": +0.5 [+0.5, +0.5] with blank pictures")


def test_what_is_lost_without_pictures_is_the_difference_of_the_scores_where_all_starts_are_the_same(out):
    mine = {one.shown: one.score for one in scored.scores(out) if one.trained and one.update == 2}
    *_, lost = told.use(out)
    both = [
        f"{scored.figure(mine['true'] - mine[shown])} (no interval) {scored.SHOWN[shown]}"
        for shown in ("blank", "shuffled")
    ]
    assert lost.endswith(": " + ", ".join(both))


def test_a_damaged_head_is_said(out, tmp_path):
    (tmp_path / begun.HEAD).write_text("{")
    with pytest.raises(RecordError, match=r"vlm\.json is damaged"):
        told.sentences(tmp_path)


def test_the_checkpoint_of_the_best_evaluation_stays(out, tmp_path):
    mine = config(tmp_path)
    for update in (0, 1):
        shutil.copytree(scored.folder_of(out, 2), scored.folder_of(tmp_path, update))
    for update in (1, 2, 3):
        (tmp_path / begun.CHECKPOINTS / f"{update:06d}").mkdir(parents=True)
    Files(tmp_path).tidy(3, mine)
    assert sorted(path.name for path in (tmp_path / begun.CHECKPOINTS).iterdir()) == ["000001", "000003"]


def undocumented(names):
    """Those metrics that are not in the table of docs."""
    rows = re.findall(r"^\| (`[^|]+) \|", DOCS.read_text(), re.MULTILINE)
    known = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    patterns = [re.sub(r"[A-Z]+", "[^`]+", re.escape(name)) for name in known]
    return [name for name in sorted(names) if not any(re.fullmatch(one, name) for one in patterns)]


def test_every_metric_is_in_the_docs(out):
    assert not undocumented(
        {name for file in ("metrics", "timing") for one in lines(out / f"{file}.jsonl") for name in one}
    )


def test_what_docs_say_is_tested_is_there():
    named = re.findall(r"`(test_\w+\.py)::(test_\w+)`", DOCS.read_text())
    assert len(named) > 20
    texts = {file: (Path(__file__).parent / file).read_text() for file, _ in named}
    assert [name for file, name in named if f"def {name}(" not in texts[file]] == []


def test_tensorboard_has_the_turns_and_the_evaluations(out):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(out / "tb"), size_guidance={"images": 0, "tensors": 0, "scalars": 0}).Reload()
    tags = board.Tags()
    assert "samples/0" in tags["images"]
    assert "samples/0/text_summary" in tags["tensors"]
    assert "eval/leduc/vlm:nano@pictures=blank" in [one.replace("_40", "@") for one in tags["scalars"]]
    assert [one.step for one in board.Scalars("eval/leduc/vlm:nano")] == [0, 2]


def test_a_page_shows_pictures_prompts_thoughts_and_advantages(out):
    text = (out / told.SAMPLES / "000002.html").read_text()
    assert text.count("<article>") == text.count("data:image/png;base64") > 1
    assert "[picture]" in text
    assert "_token_around_image" not in text
    assert "Answer:" in text


def test_a_page_has_the_best_and_the_worst_turns_and_no_markup_of_theirs():
    rows = episode([0.0] * 9, response=[ids(f"<b>{turn}") for turn in range(9)], mu=[np.zeros(5, np.float32)] * 9)
    advantages = [np.full(5, float(turn)) for turn in range(9)]
    found = samples(rows, advantages, {}, TOKENS, {}, 3, np.random.default_rng(1))
    assert ["advantage +8" in found[0].facts, "advantage +0" in found[1].facts, len(found)] == [True, True, 3]
    assert "&lt;b&gt;8" in page(1, found)
    assert "<b>8" not in page(1, found)


def turn_of(prompt, response, spans=()):
    """The sample of one turn, with capital letters for special tokens, I for the placeholder of a picture."""
    mu = np.zeros(len(response) + 1, np.float32)
    rows = episode([0.0], prompt=ids(prompt, end=False), spans=spans, response=ids(response), mu=mu)
    tokens = TOKENS._replace(image=ord("I"), special=frozenset(map(ord, "SETVIWR")))
    return samples(rows, [np.zeros(1)], {}, tokens, {}, 1, np.random.default_rng(1))


def test_a_picture_is_one_mark_with_the_special_tokens_around_it():
    shown = turn_of("SaTVIIIWVIIRIIWxE", "y", ((4, 3), (9, 5)))
    assert "<pre><small>S</small>a[picture] [picture] x<small>E</small></pre>" in page(1, shown)


def test_special_tokens_that_were_written_are_set_apart_and_are_no_text_of_a_board():
    shown = turn_of("a", "bEc")
    assert "<pre>b<small>E</small>c</pre>" in page(1, shown)
    assert "```\nbc\n```" in markdown(shown[0])


def test_rows_tell_how_old_their_weights_were():
    rows = [*episode([1.0, 1.0], version="pi_v3"), *episode([0.0, -1.0], 1, version="pi_v1")]
    found = of_rows(Collected(rows=rows), update=3)
    assert (found["staleness/mean"], found["staleness/max"], found["staleness/0"]) == (1.0, 2.0, 0.5)
    assert found["reward/success"] == 0.5


def test_a_turn_without_a_response_has_no_weights_to_be_old():
    failed = episode([0.0], 2, response=[ids("", end=False)], mu=[np.zeros(0, np.float32)], trainable=False)
    found = of_rows(Collected(rows=[*episode([1.0], version="pi_v3"), *failed]), update=3)
    assert (found["staleness/max"], found["staleness/0"]) == (0.0, 1.0)


def test_a_win_rate_is_of_the_current_weights_against_each_kind_of_opponent():
    def match(lineup, returns):
        facts = dict(match=0, group=0, level=0, status="terminated", ticks=1)
        return MatchStat(lineup=lineup, returns=returns, **facts)

    who = ["self", "past 0", "past 1", "ppo"].__getitem__
    matches = [
        match((0, 1), (1.0, -1.0)),
        match((2, 0), (1.0, -1.0)),
        match((3, 0), (0.0, 0.0)),
        match((0, 0), (1, -1)),
    ]
    assert win_rates(matches, who) == {"win_rate/past": 0.5, "win_rate/ppo": 0.5}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ('evaluation.pictures=["blakn"]', "blakn"),
        ('evaluation.opponents=["randm"]', "random"),
        ('evaluation.levels=["leducc"]', "leduc"),
    ],
)
def test_an_evaluation_that_cannot_be_played_is_refused_before_the_training(tmp_path, setting, said):
    with pytest.raises(InputError, match=said), Trainer(config(tmp_path, setting), tmp_path / "out"):
        pass


def test_why_turns_are_not_learnt_from_is_told(tmp_path):
    how = config(tmp_path, "updates=1", "evaluation.every=0")
    engine, tokens = engines.make(how, tmp_path / "weights")
    numbers = itertools.count()

    def encode(messages):
        ids = engine.learner.encode(messages)[0]
        return ids[:-1] if next(numbers) % 2 else ids

    before = len(SAID)
    with Trainer(how, tmp_path / "out", engine=engine, tokens=tokens._replace(encode=encode)) as trainer:
        trainer.run(Listener())
    dropped = int(lines(tmp_path / "out" / "metrics.jsonl")[0]["rollout/dropped"])
    (said,) = [one for one in SAID[before:] if "not learnt from" in one]
    assert re.fullmatch(rf"update 1: turns that are not learnt from: {dropped} x .*prompt.*", said)
    assert f"turns not learnt from {dropped}" in " ".join(told.sentences(tmp_path / "out"))
