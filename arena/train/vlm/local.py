"""The engine in this process: a torch model, all its weights or a LoRA adapter, and AdamW.

Rows are computed in passes of few shapes: a row's length is rounded up, and a pass of one length has a fixed number of
rows; spare ones are filled up. So a row's numbers depend neither on the rows that come with it nor on how a batch is
divided into calls: scored before an update and in its first call, each token has the same log-probability, bit for bit.
Logits are computed only where a response is predicted. Eager attention has the cheapest gradient on a CPU at the
lengths of our prompts.
"""

from __future__ import annotations

import contextlib
import copy
import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from arena.errors import ArenaError, InputError, sentence
from arena.train import memory
from arena.train.vlm import adapters, begun, losses, lowrank, saved, sft_facts, states
from arena.train.vlm.engine import (
    NO_CONFIG,
    Config,
    Datum,
    Engine,
    Floats,
    Ints,
    OptimParams,
    Output,
    check_batch,
    weights_folder,
)
from arena.train.vlm.learnable import Learner, learner, new_optimizer, without_dropout
from arena.train.vlm.local_config import LocalConfig
from arena.train.vlm.passes import Pass, Row, passes
from arena.train.vlm.rows import sha

HEAD = 128  # places that logits are computed for at once
RANK = 32  # of an adapter that is made of all weights
STATES: Config = {"states": "prompt", "alone": True}


def trained(state: Path, device: str = "cpu") -> LocalEngine:
    """The engine whose state is in this folder, or the newest one of a training's folder, to export it.

    Its optimiser is a new one. CheckpointError if there is no state, or its model is not here.
    """
    found = states.newest(state)
    facts = saved.read_facts(found)
    how = {name: facts[name] for name in ("mode", "freeze_vision_tower", "rank", "alpha") if name in facts}
    made = LocalEngine(facts["source"], found.parent, LocalConfig(device=device, **how))
    changed = saved.read_state(found, made._trained, None, made._facts())
    # Half of an adapter's factors are drawn by chance; until the others are not zero, it adds nothing.
    ups = [one for name, one in made._trained.items() if ".lora_B." in name]
    made.changed = any(bool(one.any()) for one in ups) if ups else changed
    made.reached = begun.reached(found) or sft_facts.reached(found)
    return made


class LocalEngine(Engine):
    """See the top of this file. `source` is an operator's name; weights for samplers are written into `folder`."""

    def __init__(self, source: str, folder: Path, config: LocalConfig | None = None) -> None:
        self.source, self.folder, self.config = source, folder, (config or LocalConfig()).here()
        self.part = ""  # of a training's settings, whose setting `tokens` is told as part + "tokens"
        self.reached: dict[str, int] = {}  # how far its training was, of what is exported,
        self.changed = True  # and whether that changed the model
        self.learner = learner(source, self.config.device, self.config.weights)
        base = self.learner.model
        base.set_attn_implementation("eager" if self.config.device == "cpu" else "sdpa")
        without_dropout(base)
        self._own = self._own_adapter()
        if self.config.freeze_vision_tower:
            self._freeze_tower()
        self.model: Any = base if self.config.mode == "full" else self._adapted(base)
        if self.config.checkpointing:
            base.activation_checkpointing_enable({"use_reentrant": False})
            base.enable_input_require_grads()
        self.model.train(self.config.checkpointing)  # transformers recomputes only then; nothing is dropped
        self._spread(base)
        self._trained = self._weights_here()
        self.optimizer = new_optimizer(self._trained)
        self._never = self.learner.banned()
        self._banned = torch.from_numpy(self._never).to(self.config.device)
        self._features: dict[str, Tensor] = {}
        self._held = 0  # bytes of them
        self._start: Learner | None = None
        self._since: list[Datum] = []  # what the gradient was computed of

    def _own_adapter(self) -> adapters.Factors:
        """What the model's own adapter adds, which an adapter that is trained must bring as well: it takes its place.

        InputError where that cannot be put into one.
        """
        if self.config.mode == "full":
            return {}
        try:
            return self.learner.added()
        except ValueError as error:
            raise InputError(
                f"{self.source} cannot be trained with mode=lora: {sentence(error)} Set mode=full, or merge the "
                "adapter into its model and name that"
            ) from error

    def _freeze_tower(self) -> None:
        """Leave what turns pictures into image tokens as it is. InputError for a model that sees none."""
        tower = self.learner.tower()
        if not tower:
            raise InputError(f"{self.source} has no vision tower: leave freeze_vision_tower out")
        for module in tower:
            module.requires_grad_(False)

    def _adapted(self, base: Any) -> Any:
        from peft import LoraConfig, get_peft_model

        how = LoraConfig(
            r=self.config.rank,
            lora_alpha=self.config.alpha,
            lora_dropout=0.0,
            bias="none",
            target_modules=self.learner.language(),
            task_type="CAUSAL_LM",
        )
        with torch.random.fork_rng(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers by names that are to go
            torch.manual_seed(self.config.seed)
            return get_peft_model(base, how)

    # the five calls

    def forward_backward(
        self, batch: Sequence[Datum], loss: str | None, config: Config = NO_CONFIG, *, reference: bool = False
    ) -> Output:
        if reference and loss is not None:
            raise ValueError("the reference is scored, and not trained: loss=None")
        check_batch(batch, loss, config)
        if loss is not None:
            self._since += batch
        find = None if loss is None else losses.find(loss)
        # A given text was not drawn: at a lower temperature it would teach to flatten what is, until that fits it.
        heat = 1.0 if loss == losses.GIVEN else self.config.temperature * float(config.get("heat", 1.0))
        logprobs: list[Floats] = [np.zeros(0, np.float32)] * len(batch)
        wanted = config.get("states")
        states: list[Floats] = [np.zeros((0, 0), np.float32)] * (len(batch) if wanted else 0)
        metrics: dict[str, float] = {}
        rows, fixed = self._rows(batch), self.config.fixed and not config.get("alone")
        for one, counts in self._mine(list(passes(rows, self.config.tokens, fixed))):
            with self._pass(one), torch.set_grad_enabled(find is not None):
                scored, entropy, seen = self._score(one, heat, reference, bool(config.get("entropy")))
                if find is not None:
                    inputs = _inputs(one, batch, entropy)
                    each, sums = find(scored, inputs, config)
                    total = each.sum() if counts else each.sum() * 0
                    if said := self._no_number(total):
                        odd = [name for name, value in sums.items() if not np.isfinite(value)]
                        self._broken(f"the loss {loss} is {said}" + (f" (in {', '.join(odd)})" if odd else ""))
                    total.backward()
                    for name, value in (sums if counts else {}).items():
                        metrics[name] = metrics.get(name, 0.0) + value
            ends = np.cumsum([len(batch[row.index].response) for row in one.rows])[:-1]
            for row, part in zip(one.rows, np.split(_array(scored), ends), strict=True):
                logprobs[row.index] = part
            if wanted:
                for row, part in zip(one.rows, np.split(_array(seen), ends), strict=True):
                    states[row.index] = part[:1].copy() if wanted == "prompt" else part
        return Output(logprobs=logprobs, metrics=metrics, states=states)

    def optim_step(self, how: OptimParams) -> dict[str, float]:
        with self._step():
            norm = self._clip(how.grad_norm or float("inf"))
            if not bool(norm.isfinite()):
                self._broken(f"the norm of the gradient is {float(norm)}")
            for group in self.optimizer.param_groups:
                decay = how.weight_decay if group["decays"] else 0.0
                group |= {"lr": how.learning_rate, "betas": how.betas, "eps": how.eps, "weight_decay": decay}
            self.optimizer.step()
        self._drop()
        return {"grad_norm": float(norm)}

    def sampler_weights(self, version: str) -> Path:
        about = {"version": version, "mode": self.config.mode, "source": self.source}
        return adapters.write_sampler(weights_folder(self.folder, version), self.model, about, self.learner, self._own)

    def save_state(self, path: Path) -> None:
        saved.write_state(path, self._trained, self.optimizer, self._facts())

    def load_state(self, path: Path, *, weights_only: bool = False) -> None:
        saved.read_state(path, self._trained, None if weights_only else self.optimizer, self._facts())
        self._drop()

    def likeliest(self, prompts: Sequence[Ints]) -> Ints:
        """The most likely token after each prompt without pictures, int32 (prompts,)."""
        some = (~self._never).nonzero()[0][:1].astype(np.int32)
        states = self.forward_backward([Datum(prompt=one, response=some) for one in prompts], None, STATES).states
        with torch.no_grad(), self._weights(False) as (_, model), self._autocast():
            logits = model.get_output_embeddings()(torch.from_numpy(np.concatenate(states)).to(self.config.device))
        found: Ints = logits.float().masked_fill(self._banned, -torch.inf).argmax(-1).int().cpu().numpy()
        return found

    def export(self, out: Path, dtype: str = "bfloat16") -> Path:
        """Write the model, an adapter merged, as the new Hugging Face folder `out`: `vlm:OUT` and others load it."""
        model = self.model if self.config.mode == "full" else copy.deepcopy(self.model).merge_and_unload()
        with saved.whole(out, resumes=False) as fresh:
            about = {"source": self.source, "mode": self.config.mode, **self.reached}
            self.learner.save(fresh, model, dtype, about)
            (fresh / saved.MARKER).write_text(json.dumps(about) + "\n")
        return out

    def export_adapter(self, out: Path, rank: int | None = None, *, language: bool = False) -> float:
        """Write the new folder `out` with a peft adapter that takes the plain model to what was trained.

        The plain model has no adapter: what one of its own adds is in the new one. `rank`: its size. In mode lora the
        most directions of a layer (None: what the adapters have); of a training of all weights as in `lowrank.largest`
        (None: 32), with `language` of linear layers of the language part alone. Gives the share of the squared change
        that is in it. InputError for `language` in mode lora.
        """
        if language and self.config.mode == "lora":
            raise InputError(
                "--language: this training has mode=lora, whose adapter is of the language part as it is. Leave it out"
            )
        about = {"source": self.source, **self.reached}
        if self.config.mode == "lora":
            return adapters.write_adapter(out, self.model, about, self.learner, self._own, rank)
        leave, rank = self._beside() if language else (), rank or RANK
        pairs, share = lowrank.largest(self.learner.plain(), self.model, rank, leave)
        adapters.write_factors(out, self.model, pairs, rank, about, self.learner)
        return share

    # how

    def _beside(self) -> set[str]:
        """The layers that are no linear ones of the language part."""
        sees = {module for one in self.learner.tower() for module in one.modules()}
        every = self.model.named_modules()
        return {name for name, module in every if module in sees or isinstance(module, torch.nn.Embedding)}

    def _facts(self) -> dict[str, Any]:
        about: dict[str, Any] = {"source": self.source, "mode": self.config.mode}
        if self.config.freeze_vision_tower:
            about["freeze_vision_tower"] = True
        if self.config.mode == "lora":
            about |= {"rank": self.config.rank, "alpha": self.config.alpha, "base": self.learner.fingerprint()}
        return about

    def _drop(self) -> None:
        """Forget the gradient."""
        self.optimizer.zero_grad()
        self._since.clear()

    # what engines of several processes do otherwise

    def _spread(self, model: Any) -> None:
        """Divide a model among processes."""

    def _weights_here(self) -> dict[str, Tensor]:
        """The weights that are trained, by name."""
        return {name: one for name, one in self.model.named_parameters() if one.requires_grad}

    def _mine(self, every: list[Pass]) -> list[tuple[Pass, bool]]:
        """The passes that are computed here, and whether a pass counts."""
        return [(one, True) for one in every]

    def _no_number(self, total: Tensor) -> str:
        """A loss in words, if it is no number."""
        return "" if bool(total.isfinite()) else str(total.item())

    def _clip(self, most: float) -> Tensor:
        """Scale the gradient down to a norm of `most`; gives its norm before that."""
        return torch.nn.utils.clip_grad_norm_(self._trained.values(), most)

    def _rows(self, batch: Sequence[Datum]) -> list[Row]:
        banned, out = self._never, []
        for index, one in enumerate(batch):
            length = len(one.prompt) + len(one.response)
            if not len(one.prompt) or not len(one.response):
                raise InputError(f"datum {index} has an empty prompt or response")
            ids = np.concatenate([one.prompt, one.response]).astype(np.int64)
            if (odd := ids[(ids < 0) | (ids >= len(banned))]).size:
                raise InputError(f"datum {index} has token {odd[0]}: the model has 0 to {len(banned) - 1}")
            if self.learner.context is not None and length > self.learner.context:
                raise InputError(f"a row has {length:,} tokens, more than the model's {self.learner.context:,}")
            if (never := one.response[banned[one.response]]).size:
                token = self.learner.tokenizer.convert_ids_to_tokens(int(never[0]))
                raise InputError(f"the response of a row holds {token!r}, which is never sampled: leave the row out")
            out.append(Row(index, ids, len(one.prompt), self.learner.pixels(one.images), tuple(map(sha, one.images))))
        return out

    def _score(self, one: Pass, temperature: float, reference: bool, entropies: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Log-probabilities and entropies (tokens,) of a pass's responses; the state (tokens, width) before each."""
        device = self.config.device
        with self._weights(reference) as (of, model), self._autocast():
            ids, mask = one.ids.to(device), one.mask.to(device)
            features = self._look(one, reference)
            pixels = {} if features is not None else {name: t.to(device) for name, t in one.pixels().items()}
            states = of.hidden(ids, mask, pixels, features, model.model)
            rows, places = one.places
            seen = states[rows.to(device), places.to(device)]
            head = model.get_output_embeddings()
            spare = -len(seen) % HEAD
            chosen = torch.nn.functional.pad(seen, (0, 0, 0, spare))
            targets = torch.nn.functional.pad(
                one.targets.to(device), (0, spare), value=int((~self._banned).nonzero()[0])
            )
            scored, entropy = [], []
            for at in range(0, len(chosen), HEAD):
                logits = head(chosen[at : at + HEAD]).float() / temperature
                part, spread = losses.score(logits, targets[at : at + HEAD], self._banned)
                scored.append(part)
                entropy.append(spread if entropies else spread.detach())
        count = len(one.targets)
        return torch.cat(scored)[:count], torch.cat(entropy)[:count], seen

    @contextlib.contextmanager
    def _weights(self, reference: bool) -> Iterator[tuple[Learner, Any]]:
        """Who computes, and its model: that of now, or that of the start."""
        if self.config.mode == "lora":
            with self.model.disable_adapter() if reference else contextlib.nullcontext():
                yield self.learner, self.model.get_base_model()
        elif not reference:
            yield self.learner, self.model
        else:
            if self._start is None:
                self._start = learner(self.source, self.config.device, self.config.weights)
                self._start.model.set_attn_implementation(self.learner.model.config._attn_implementation)
                self._start.model.requires_grad_(False)
                self._spread(self._start.model)
            yield self._start, self._start.model

    def _autocast(self) -> Any:
        bf16 = self.config.dtype == "bfloat16"
        return torch.autocast(torch.device(self.config.device).type, torch.bfloat16, enabled=bf16)

    def _look(self, one: Pass, reference: bool) -> Tensor | None:
        """The features of a pass's pictures where their tower is not trained, each picture's computed once."""
        if not self.config.sees_as_before or not one.rows[0].pixels:
            return None
        found = []
        for row in one.rows:
            name = "".join(row.pictures)
            if name not in self._features:
                with torch.no_grad():
                    given = {key: tensor.to(self.config.device) for key, tensor in row.pixels.items()}
                    made = self.learner.features(given)
                if made is None:
                    return None
                self._features[name] = made
                self._held += made.nbytes
            found.append(self._features[name])
        found += [found[0]] * one.spare
        while self._held > self.config.pictures and len(self._features) > 1:  # the oldest go
            self._held -= self._features.pop(next(iter(self._features))).nbytes
        return torch.cat(found)

    def _pass(self, one: Pass) -> contextlib.AbstractContextManager[None]:
        """What runs out of memory in a pass says what to lower."""
        part = self.part
        more = "" if self.config.checkpointing else f", or set {part}checkpointing=true"
        less = "" if self.config.mode == "lora" else f", or {part}mode=lora"
        where = f"a pass of {len(one.rows) + one.spare} rows of {one.length} tokens"
        return self._memory(where, f"lower {part}tokens= (now {self.config.tokens}){more}{less}")

    def _step(self) -> contextlib.AbstractContextManager[None]:
        """The same of a step, which needs no activations, but the gradient and two moments of each trained weight."""
        part = self.part
        lora = f"lower {part}rank= (now {self.config.rank}), or {part}pictures= (now {self.config.pictures})"
        return self._memory("the optimiser's step", lora if self.config.mode == "lora" else f"set {part}mode=lora")

    @contextlib.contextmanager
    def _memory(self, where: str, todo: str) -> Iterator[None]:
        try:
            with memory.told(self.config.device, where, todo):
                yield
        except MemoryError as error:
            self._drop()
            raise ArenaError(
                f"{error}. Steps that were made before it stay; what goes on with --resume begins at the last "
                "checkpoint"
            ) from error

    def _broken(self, what: str) -> None:
        """Raise ArenaError after the rows since the last step were saved."""
        try:
            kept = saved.write_batch(self.folder, self._since)
            where = f"Its {kept.rows} rows are in {kept.path}."
        except OSError as error:
            where = f"Its rows could not be kept: {sentence(error)}"
        self._drop()
        raise ArenaError(
            f"{sentence(what)} The weights are as they were before this step. {where} Lower the learning rate, or the "
            "clip of the gradient; --resume goes on from the last checkpoint, if there is one"
        )


def _array(tensor: Tensor) -> Floats:
    return tensor.detach().float().cpu().numpy()


def _inputs(one: Pass, batch: Sequence[Datum], entropy: Tensor) -> dict[str, Tensor]:
    """What the loss needs of each token of a pass."""
    data = [batch[row.index] for row in one.rows]
    out = {"entropy": entropy}
    for name in data[0].inputs:
        values = np.concatenate([np.asarray(datum.inputs[name], np.float32) for datum in data])
        out[name] = torch.from_numpy(values).to(entropy.device)
    counts = torch.tensor([len(datum.response) for datum in data])
    out["turn"] = torch.repeat_interleave(torch.arange(len(data)), counts).to(entropy.device)
    return out
