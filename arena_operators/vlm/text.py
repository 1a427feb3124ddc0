"""The tokenizer of a model that reads text only, used as the processor of one that also sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


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
