"""Loads a Hugging Face model, one that sees or one that only reads, and encodes chats as its input rows."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image as Pictures
from safetensors.torch import load_file

from arena_operators.vlm import checkpoint, processors, text
from arena_operators.vlm.adapter import base_alone, merged
from arena_operators.vlm.backend import Message, Picture
from arena_operators.vlm.chat_api import SWITCHES
from arena_operators.vlm.checkpoint import Source
from arena_operators.vlm.loading import LOADING, checked, first_line, hint, whole

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
BUCKET = 16  # prompts are padded on the left to a multiple of this many tokens


@dataclass(frozen=True, slots=True)
class Row:
    """One encoded prompt. Every tensor has a leading axis along which rows are joined."""

    length: int  # tokens of the prompt, image tokens included
    sequences: Mapping[str, torch.Tensor]  # (1, length): token ids, attention mask, ...
    others: Mapping[str, torch.Tensor]  # pictures and their grids

    def shape(self) -> tuple[Any, ...]:
        """Rows of equal shape can share a forward pass: the bucket, then names and shapes of the other tensors."""
        bucket = -(-self.length // BUCKET) * BUCKET
        return bucket, *((name, tuple(tensor.shape)) for name, tensor in sorted(self.others.items()))


class Model:
    """A loaded model with its processor. Raises ValueError if it cannot be loaded."""

    def __init__(self, origin: Source, device: str, dtype: str, revision: str | None = None) -> None:
        from transformers.utils import logging

        logging.disable_progress_bar()  # it would run through the lines of whoever shows progress of their own
        self.dtype = dtype
        self._origin, self._dtype, self._revision = origin, DTYPES[dtype], revision
        try:
            self._config = self._configuration(origin)
            self.processor = self._processor(origin)
        except LOADING as error:
            raise ValueError(f"{origin.called} cannot be loaded: {first_line(error)}{hint(error)}") from error
        if getattr(self.processor, "tokenizer", None) is None:
            raise ValueError(
                f"{origin.called} has no processor for pictures and text: it is not a vision-language model"
            )
        self.model = checked(self._from(origin), origin.called, device)
        self.device = device
        self.tokenizer = self.processor.tokenizer
        self.ends = self._ends()
        self.pad = self.tokenizer.pad_token_id if self.tokenizer.pad_token_id is not None else min(self.ends)
        added = (str(token) for token in self.tokenizer.added_tokens_decoder.values() if token.special)
        marks = (value for name, value in vars(self.processor).items() if name.endswith("_token"))
        texts = {*self.tokenizer.all_special_tokens, *added, *(str(mark) for mark in marks if mark)}
        self._special = sorted((text for text in texts if text.strip()), key=len, reverse=True)
        self.thinks = True  # else the chat template is told that it does not, where it has a switch for that
        self.takes = frozenset(inspect.signature(self.model.forward).parameters)

    def update(self, path: Path) -> None:
        """Take other weights from `path`: a file or folder of safetensors with all weights of this model, or the folder
        of a peft adapter of the plain model, which takes the place of one that was loaded with it.

        The processor stays. ValueError or CheckpointError, in words, when they do not fit; the old ones stay then.
        """
        if (path / checkpoint.ADAPTER).is_file():
            origin = replace(self._origin, adapter=path)
            checkpoint.check_source(origin)
            new = self._from(origin)
        else:
            new = self._of_tensors(path)
        self.model = checked(new, str(path), self.device)

    def _given(self, origin: Source) -> dict[str, str]:
        """Where in its folder, or on the hub, the model is."""
        revision = {} if self._revision is None else {"revision": self._revision}
        return revision if origin.gguf is None else {"gguf_file": origin.gguf}

    def _configuration(self, origin: Source) -> Any:
        """Its configuration; finds out whether it sees. ValueError for a model that does not and should."""
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(origin.name, trust_remote_code=False, **self._given(origin))
        if origin.path is None or origin.gguf is not None:
            self.sees = getattr(config, "vision_config", None) is not None
        else:
            self.sees = not checkpoint.reads_only(origin.path)
        if not self.sees and origin.kind == "vlm":
            raise ValueError(checkpoint.blind(origin.name, config.model_type))
        return config

    def _processor(self, origin: Source) -> Any:
        if self.sees:
            own = self._given(origin) if origin.processor == origin.name else {}
            return processors.load(origin.processor, self._config, **own)
        return text.load(origin, self._config, self._given(origin))

    def _from(self, origin: Source) -> Any:
        """The model that `origin` names, its adapter applied."""
        from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

        given = self._given(origin)

        def load() -> Any:
            with base_alone(origin, self._revision) as name:
                return (AutoModelForImageTextToText if self.sees else AutoModelForCausalLM).from_pretrained(
                    name,
                    dtype=self._dtype,
                    use_safetensors=True,
                    trust_remote_code=False,
                    config=self._config,
                    output_loading_info=True,
                    **given,
                )

        model = whole(origin.called, load, ("missing_keys", "mismatched_keys"))
        if origin.gguf is not None:  # transformers marks it as quantized, and then lets nobody save or change it
            del model.config.quantization_config
            model = type(model).from_pretrained(
                None, config=model.config, state_dict=model.state_dict(), dtype=self._dtype
            )
        return model if origin.adapter is None else self._merged(model, origin.adapter)

    def _merged(self, model: Any, adapter: Path) -> Any:
        return merged(model, adapter)

    def without_adapter(self) -> Any:
        """The model anew, without an adapter that was loaded with it."""
        return checked(self._from(replace(self._origin, adapter=None)), self._origin.called, self.device)

    def _of_tensors(self, path: Path) -> Any:
        """A model of this class and configuration with the weights in `path`."""
        files = checkpoint.weights_of(path) if path.is_dir() else [path] if path.is_file() else []
        if not files:
            raise ValueError(f"{path} is not a file or folder of safetensors weights, and no folder of a peft adapter")
        for file in files:
            checkpoint.check_safetensors(file)

        def load() -> Any:
            return type(self.model).from_pretrained(
                None,
                config=self.model.config,
                state_dict={name: tensor for file in files for name, tensor in load_file(file).items()},
                dtype=self._dtype,
                ignore_mismatched_sizes=True,  # they are refused below, in words
                output_loading_info=True,
            )

        return whole(str(path), load, ("missing_keys", "mismatched_keys", "unexpected_keys"))

    def _ends(self) -> frozenset[int]:
        """Tokens that end an answer."""
        config = self.model.generation_config
        ids = config.eos_token_id if config.eos_token_id is not None else self.tokenizer.eos_token_id
        if ids is None:
            raise ValueError("the model names no eos_token_id, so an answer would never end: add it to its configs")
        return frozenset([ids] if isinstance(ids, int) else ids)

    def banned(self, vocabulary: int) -> npt.NDArray[np.bool_]:
        """Tokens that are never sampled, bool (vocabulary,): image tokens, other special tokens, unused ids."""
        out = np.zeros(vocabulary, dtype=np.bool_)
        out[len(self.tokenizer) :] = True
        ids = set(self.tokenizer.all_special_ids)
        ids |= {index for index, token in self.tokenizer.added_tokens_decoder.items() if token.special}
        ids |= {
            value for name, value in vars(self.model.config).items() if name.endswith(("_token_id", "_token_index"))
        }
        for index in ids:
            if isinstance(index, int) and 0 <= index < vocabulary:
                out[index] = True
        out[sorted(self.ends)] = False
        return out

    @property
    def context(self) -> int | None:
        """Most tokens of prompt and answer, if its configuration states it."""
        found = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return found if isinstance(found, int) else None

    @property
    def name(self) -> str:
        """The folder or the hub's name that was loaded."""
        return self._origin.name

    def text(self, tokens: npt.NDArray[np.int32]) -> str:
        """The text of generated tokens, without the end token."""
        words = [token for token in tokens.tolist() if token not in self.ends]
        text: str = self.tokenizer.decode(words, clean_up_tokenization_spaces=False)
        return text

    def lay_out(self, messages: Sequence[Message]) -> str:
        """The processor's input text for a chat, by the model's chat template; pictures stand where they are shown."""
        if not self.processor.chat_template:
            mark = getattr(self.processor, "image_token", "<image>")
            return "\n".join(
                "".join(mark if isinstance(part, Picture) else self.plain(part) for part in one.parts)
                for one in messages
            )
        chat = [
            {
                "role": one.role,
                "content": [
                    {"type": "image"} if isinstance(part, Picture) else {"type": "text", "text": self.plain(part)}
                    for part in one.parts
                ],
            }
            for one in messages
        ]
        switches = (
            {} if self.thinks else {name: False for name in SWITCHES if name in str(self.processor.chat_template)}
        )
        text: str = self.processor.apply_chat_template(chat, add_generation_prompt=True, tokenize=False, **switches)
        return text

    def plain(self, text: str) -> str:
        """`text` without special tokens: who is quoted in it must not end the message or put a picture into it."""
        while found := next((token for token in self._special if token in text), None):
            text = text.replace(found, f"{found[0]} {found[1:]}" if len(found) > 1 else "")
        return text

    def encode(self, messages: Sequence[Message]) -> Row:
        """Encodes a chat with the model's processor."""
        pictures = [
            Pictures.fromarray(part.pixels) for one in messages for part in one.parts if isinstance(part, Picture)
        ]
        encoded = self.processor(
            text=[self.lay_out(messages)], images=[pictures] if pictures else None, return_tensors="pt"
        )
        length = int(encoded["input_ids"].shape[1])
        sequences = {name: tensor for name, tensor in encoded.items() if tuple(tensor.shape) == (1, length)}
        others = {name: tensor for name, tensor in encoded.items() if name not in sequences and torch.is_tensor(tensor)}
        return Row(length, sequences, others)

    def check_text(self) -> None:
        """ValueError unless the model's chat template lays out a message, and with its text."""
        text = self._laid_out((Message("user", ("Which move?",)),))
        if "Which move?" not in text:
            raise ValueError(
                f"the chat template of this model drops what it is asked, which became {text!r}: repair the template"
            )

    def _laid_out(self, asked: Sequence[Message]) -> str:
        try:
            return self.lay_out(asked)
        except Exception as error:  # boundary: the model folder's own template runs
            raise ValueError(f"the chat template of this model fails: {type(error).__name__}: {error}") from error

    def check_picture_size(self, height: int, width: int) -> None:
        """ValueError unless a prompt with a picture of this size comes out of the processor with its image tokens."""
        blind = "the chat template of this model drops the picture, so it would play blind: repair chat_template.jinja"
        asked = (Message("user", (Picture(np.zeros((height, width, 3), np.uint8)), "Which move?")),)
        text = self._laid_out(asked)
        marks = [getattr(self.processor, name, None) for name in ("image_token", "boi_token")]
        known = [mark for mark in marks if isinstance(mark, str)]
        if known and not any(mark in text for mark in known):
            raise ValueError(f"{blind} (a message with one picture became {text!r}, without {' or '.join(known)})")
        try:
            row = self.encode(asked)
        except Exception as error:  # boundary: another library's processor
            raise ValueError(
                f"the processor of this model takes no prompt with a picture of {height}x{width}: "
                f"{type(error).__name__}: {first_line(error)}"
            ) from error
        config = self.model.config
        token = getattr(config, "image_token_id", None) or getattr(config, "image_token_index", None)
        if token is not None and not (row.sequences["input_ids"] == token).any():
            raise ValueError(f"{blind} (its prompts have no image token, number {token})")

    def join(self, rows: Sequence[Row], size: int) -> dict[str, torch.Tensor]:
        """One batch of exactly `size` rows of one shape, padded on the left to their bucket; spare rows repeat."""
        bucket = rows[0].shape()[0]
        filled = [*rows, *[rows[0]] * (size - len(rows))]
        out = {}
        for name in rows[0].sequences:
            value = self.pad if name == "input_ids" else 0
            padded = [
                torch.nn.functional.pad(row.sequences[name], (bucket - row.length, 0), value=value) for row in filled
            ]
            out[name] = torch.cat(padded).to(self.device)
        for name in rows[0].others:
            joined = torch.cat([row.others[name] for row in filled]).to(self.device)
            out[name] = joined.to(self.model.dtype) if joined.is_floating_point() else joined
        return out
