"""Loads the processor of a model that sees, also where the part of it that reads videos cannot be loaded."""

from __future__ import annotations

import importlib.util
from typing import Any


def load(name: str, config: Any, **given: Any) -> Any:
    """The processor in the folder, or of the hub's model, `name`, for a model with this configuration.

    transformers reads videos by torchvision alone. No game shows a video, so without torchvision the processor is
    loaded without that part. Raises what transformers raises where that is not possible.
    """
    from transformers import AutoProcessor
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING

    try:
        return AutoProcessor.from_pretrained(name, trust_remote_code=False, **given)
    except ImportError:
        whole = PROCESSOR_MAPPING.get(type(config), None)
        if importlib.util.find_spec("torchvision") is not None or whole is None:
            raise
        if whole.get_attributes()[-1] != "video_processor":  # parts are matched by their place
            raise
        return _without_videos(whole).from_pretrained(name, **given)


def _without_videos(whole: Any) -> Any:
    """The processor class `whole` without its last part, which reads videos."""
    from transformers import ProcessorMixin

    class Processor(whole):  # type: ignore[misc]
        @classmethod
        def get_attributes(cls) -> list[str]:
            return list(whole.get_attributes()[:-1])

        @classmethod
        def from_args_and_dict(cls, args: Any, processor_dict: dict[str, Any], **kwargs: Any) -> Any:
            return super().from_args_and_dict(args, {**processor_dict, "video_processor": None}, **kwargs)

        def apply_chat_template(self, *args: Any, **kwargs: Any) -> Any:
            # SmolVLM's own asks the missing part how many frames it takes, in chats without a video too
            return ProcessorMixin.apply_chat_template(self, *args, **kwargs)

    return Processor
