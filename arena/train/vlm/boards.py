"""Where the metrics of a training are shown beside its files: TensorBoard where it is installed, and Weights & Biases

where the setting `wandb` names a project. Nothing is sent to anybody without that setting; `WANDB_MODE=offline` keeps
what would be sent in OUT/wandb.
"""

from __future__ import annotations

import importlib.util
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from arena import plugins
from arena.errors import InputError, sentence
from arena.train.vlm.config import VlmConfig
from arena.train.vlm.samples import Sample, markdown

ID = "wandb-id"  # a file of a training: by it the run goes on there, too


class Board(Protocol):
    """Shows a training."""

    def cut(self, update: int) -> None: ...
    def scalars(self, update: int, values: Mapping[str, float]) -> None: ...
    def sample(self, update: int, shown: Sequence[Sample], page: str) -> None: ...
    def close(self) -> None: ...


def check(config: VlmConfig) -> None:
    """InputError where the package that is asked for is not installed."""
    if config.wandb:
        plugins.require_modules(f"wandb={config.wandb}", ("wandb",), "wandb")


def boards(out: Path, config: VlmConfig) -> list[Board]:
    """Those of a training in the folder `out`. InputError where the one that is asked for cannot be had."""
    made: list[Board] = []
    if importlib.util.find_spec("tensorboard") is not None:
        made.append(TensorBoard(out / "tb"))
    if config.wandb:
        made.append(Wandb(out, config))
    return made


class TensorBoard:
    """Its file is begun when there is something to show."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._done: int | None = None
        self._writer: Any = None

    def cut(self, update: int) -> None:
        """Before the first curve: later updates are done again, and what was shown of them before is passed over."""
        self._done = update

    def _open(self) -> Any:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            first = self._done and self._done + 1  # what was before the first update is shown again, too
            self._writer = SummaryWriter(str(self._folder), purge_step=first)
        return self._writer

    def scalars(self, update: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._open().add_scalar(name, value, update)

    def sample(self, update: int, shown: Sequence[Sample], page: str) -> None:
        for number, one in enumerate(shown):
            self._open().add_text(f"samples/{number}", markdown(one), update)
            for image in one.pictures:
                self._open().add_image(f"samples/{number}", image, update, dataformats="HWC")

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class Wandb:
    """A run of Weights & Biases; a training that goes on goes on with its run."""

    def __init__(self, out: Path, config: VlmConfig) -> None:
        import wandb

        file = out / ID
        run = file.read_text(encoding="utf-8").strip() if file.exists() else secrets.token_hex(4)
        try:
            self._run = wandb.init(
                project=config.wandb,
                name=out.name,
                id=run,
                resume="allow",
                dir=out,
                config=config.facts(),
                settings=wandb.Settings(console="off", silent=True, disable_git=True, save_code=False),
            )
        except wandb.errors.Error as error:
            raise InputError(
                f"wandb={config.wandb!r}: {sentence(error)} Say `wandb login`, or WANDB_MODE=offline"
            ) from error
        self._page = wandb.Html
        file.write_text(run + "\n", encoding="utf-8")

    def cut(self, update: int) -> None:
        """Nothing: a run takes no step twice, and keeps what it has of these updates."""

    def scalars(self, update: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=update)

    def sample(self, update: int, shown: Sequence[Sample], page: str) -> None:
        self._run.log({"samples": self._page(page, inject=False)}, step=update)

    def close(self) -> None:
        self._run.finish()
