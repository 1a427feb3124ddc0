"""The turns of a run hold what a trainer needs: a plain forward pass gives the log-probabilities that they have."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("transformers")

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText, AutoProcessor

from arena.lineup import build_plan
from arena.play import run_plan
from arena.plugins import game_class
from arena.prompts import fill
from arena.record.reader import Run
from arena.record.turns import read
from arena_operators.vlm.checkpoint import SHIPPED

TOLERANCE = 1e-5  # both passes are of float32; the cached one adds in another order


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Leduc, played by nano in worker processes: greedy (log-probabilities are of temperature 1), at 1 and at 0.7."""
    folder = tmp_path_factory.mktemp("nano")
    for number, pair in enumerate((["vlm", "vlm@temperature=0"], ["vlm@temperature=0.7", "random"])):
        run_plan(build_plan("leduc", pair, seed=1, matches=4), folder / str(number), turns=True)
    return [Run(folder / "0"), Run(folder / "1")]


@pytest.fixture(scope="module")
def plain():
    model = AutoModelForImageTextToText.from_pretrained(SHIPPED, dtype=torch.float32).eval()
    return model, AutoProcessor.from_pretrained(SHIPPED)


def turns(runs):
    """(turn, temperature) of every turn of nano."""
    for run in runs:
        operators = {one.name: one for one in run.head.games[0].operators}
        for episode in read(run, observations=True):
            for turn in episode.turns:
                if turn.line.operator != "random":
                    yield turn, operators[turn.line.operator].options["temperature"]


def encoded(processor, observation):
    """What the processor makes of the game's short prompt and the picture."""
    card = game_class("leduc")(2).card()
    content = [{"type": "image"}, {"type": "text", "text": fill(card, observation, "short")}]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    return processor(text=[text], images=[[Image.fromarray(observation.image)]], return_tensors="pt")


def never_sampled(model, tokenizer):
    """Special tokens, but those that end an answer."""
    special = {*tokenizer.all_special_ids, *(i for i, t in tokenizer.added_tokens_decoder.items() if t.special)}
    end = model.generation_config.eos_token_id
    return sorted(special - ({end} if isinstance(end, int) else set(end)))


def test_every_log_probability_is_that_of_a_plain_forward_pass(run, plain):
    model, processor = plain
    off, count = [], 0
    for turn, temperature in turns(run):
        prompt, tokens = torch.tensor(turn.prompt_tokens)[None].long(), torch.tensor(turn.tokens)[None].long()
        inputs = {**encoded(processor, turn.observation), "input_ids": torch.cat([prompt, tokens], dim=1)}
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
        with torch.no_grad():
            logits = model(**inputs).logits[0] / (temperature or 1.0)
        logits[:, never_sampled(model, processor.tokenizer)] = -torch.inf
        scored = logits.log_softmax(-1)[prompt.shape[1] - 1 : -1].gather(1, tokens.T)[:, 0]
        off.append(np.abs(scored.numpy() - turn.logprobs).max())
        count += len(turn.tokens)
    print(f"{count} tokens of {len(off)} turns, the largest difference {max(off):.1e}")
    assert len(off) >= 16
    assert max(off) < TOLERANCE


def test_the_prompts_ids_are_those_of_the_models_processor(run, plain):
    for turn, _ in turns(run):
        assert turn.prompt_tokens.tolist() == encoded(plain[1], turn.observation)["input_ids"][0].tolist()


def test_the_ids_spell_what_the_log_says_was_generated(run, plain):
    tokenizer = plain[1].tokenizer
    for turn, _ in turns(run):
        assert tokenizer.decode(turn.tokens, skip_special_tokens=True) == turn.line.raw
        assert turn.finish_reason == ("stop" if turn.tokens[-1] == tokenizer.eos_token_id else "length")
