"""The settings of the engine on a server of the Tinker API. There is no torch here."""

from __future__ import annotations

from dataclasses import dataclass

from arena.errors import InputError

ADAPTER = "adapter_config.json"  # in a folder with an adapter, as peft writes it


@dataclass(frozen=True, kw_only=True)
class TinkerConfig:
    """Which model is trained, and where. The key comes from the environment variable TINKER_API_KEY alone."""

    base_model: str = ""  # as the server calls the model that the operator names
    url: str = ""  # of the server; "": TINKER_BASE_URL, else the package's own
    timeout: float = 3600.0  # seconds that the answer to a call may take, the server's queue included

    def check(self) -> None:
        """InputError for what makes no sense, before the server is asked."""
        if not self.base_model:
            raise InputError("tinker.base_model is missing: what the server calls the model that the operator names")
        if not self.timeout > 0:
            raise InputError(f"tinker.timeout={self.timeout}: expected more than 0 seconds")
