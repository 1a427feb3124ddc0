"""What the commands of `arena train` need beside the core."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from arena import commands
from arena.cli import installed
from arena.errors import MissingExtraError


def require_train() -> None:
    """MissingExtraError where a package of the extra is missing, before a model is loaded for nothing."""
    lacking = [name for name, version in installed.requirements("train") if version is None]
    if lacking:
        raise MissingExtraError(
            f"training needs {', '.join(lacking)}, not installed here. {commands.how_to_install('train')}"
        )


@contextlib.contextmanager
def extra_train() -> Iterator[None]:
    """Imports inside this say how to install the extra, where a package of it is missing: MissingExtraError."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "arena":
            raise
        raise MissingExtraError(
            f"training needs {error.name}, not installed here. {commands.how_to_install('train')}"
        ) from error
