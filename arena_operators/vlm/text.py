"""The tokenizer of a model that reads text only, used as the processor of one that also sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arena_operators.vlm.checkpoint import Source


class TextProcessor:
    """A chat becomes a text by the tokenizer's template, and a text becomes tokens."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    @property
    def chat_template(self) -> str | None:
        template: str | None = self.tokenizer.chat_template
        return template

    def apply_chat_template(self, chat: Sequence[Mapping[str, Any]], **how: Any) -> Any:
        """As a processor's: but a message's content is one string, which is all that most such templates take."""
        plain = [{"role": one["role"], "content": "".join(part["text"] for part in one["content"])} for one in chat]
        return self.tokenizer.apply_chat_template(plain, **how)

    def __call__(self, text: list[str], images: None = None, **how: Any) -> Any:
        """Input ids and attention mask. The template writes the tokens that begin a text, else the tokenizer."""
        return self.tokenizer(text, add_special_tokens=not self.chat_template, return_token_type_ids=False, **how)


def load(origin: Source, config: Any, given: Mapping[str, str]) -> TextProcessor:
    """The tokenizer of `origin`, which has this configuration. An adapter's own one is used with its chat template.

    ValueError, with the difference, where the adapter's has other tokens than the model: their embeddings would be
    those of others. `given`: where in its folder, or on the hub, the model is.
    """
    from transformers import AutoTokenizer

    model = AutoTokenizer.from_pretrained(origin.name, config=config, trust_remote_code=False, **given)
    if origin.tokenizer == origin.name:
        return TextProcessor(model)
    own = AutoTokenizer.from_pretrained(origin.tokenizer, config=config, trust_remote_code=False)
    if (difference := _difference(model.get_vocab(), own.get_vocab())) is not None:
        raise ValueError(
            f"the tokenizer in {origin.tokenizer} is not that of the model: it {difference}. Name the model that the "
            "adapter was made for, or delete the tokenizer there if the adapter was trained with the model's"
        )
    return TextProcessor(own)


def _difference(model: Mapping[str, int], own: Mapping[str, int]) -> str | None:
    """What the vocabulary `own` has otherwise, in words; None: nothing."""
    others = {
        "has tokens more": [token for token in own if token not in model],
        "lacks tokens": [token for token in model if token not in own],
        "numbers tokens otherwise": [token for token in own if model.get(token, own[token]) != own[token]],
    }
    said = [
        f"{what} ({len(tokens):,}: {', '.join(map(repr, sorted(tokens)[:3]))}{', ...' if len(tokens) > 3 else ''})"
        for what, tokens in others.items()
        if tokens
    ]
    return ", ".join(said) or None
