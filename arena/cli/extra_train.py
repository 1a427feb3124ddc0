"""What the commands of `arena train` need beside the core."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from arena import commands
from arena.errors import MissingExtraError


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
