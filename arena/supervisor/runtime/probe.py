"""Run by the Python of an environment, alone: what is installed there and what can be imported, as JSON.

    python -I probe.py REQUIREMENT_NAMES MODULES     (two JSON lists)

The standard library only, and nothing of the arena: it is what is being looked at.
"""

import contextlib
import importlib
import json
import platform
import re
import sys
from importlib import metadata


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def modules_of(distributions: list[str]) -> list[str]:
    """The modules that these bring: the one called like its distribution, else all."""
    wanted = {canonical(name) for name in distributions}
    brought: dict[str, list[str]] = {}
    for module, owners in metadata.packages_distributions().items():
        for owner in owners:
            if module.isidentifier() and not module.startswith("_") and canonical(owner) in wanted:
                brought.setdefault(canonical(owner), []).append(module)
    out = []
    for owner, modules in sorted(brought.items()):
        same = [module for module in modules if canonical(module) == owner]
        out += same or [
            module for module in sorted(set(modules)) if module not in ("test", "tests", "docs", "examples")
        ]
    return out


def main() -> None:
    distributions, named = (json.loads(text) for text in sys.argv[1:3])
    failed = {}
    for module in ["arena", "arena_workers.host", *(named or modules_of(distributions))]:
        try:
            with contextlib.redirect_stdout(sys.stderr):
                importlib.import_module(module)
        except BaseException as error:  # noqa: BLE001 - whatever a foreign module raises is what is reported
            failed[module] = f"{type(error).__name__}: {error}"
    arena = sys.modules.get("arena")
    out = {
        "python": platform.python_version(),
        "installed": {canonical(found.metadata["Name"]): found.version for found in metadata.distributions()},
        "failed": failed,
        "arena": getattr(arena, "__version__", ""),
    }
    print(json.dumps(out))


if __name__ == "__main__":
    main()
