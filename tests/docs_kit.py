"""Reads the documentation: its blocks, and the commands that it shows.

```console run     commands that must succeed, in order, in one new folder, which has a link to docs/
```console fails   commands that must fail (the last one) with the message below it; "…" stands for anything
```text message    a message of the arena's: its parts between "…" stand in the source
Every other command in a block must be on the list in tests/docs_not_run.py, with a reason.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "node_modules" not in path.parts),
]
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = re.compile(
    r"(apt-get|arena|brew|cat|cd|chmod|cmp|cp|curl|docker|export|git|jq|mkdir|mkdocs|mv|node|npm|npx|pipx?|pytest"
    r"|python3?|rm|scp|sh|ssh|tensorboard|uvx?|scripts/\S+|\./\S+) "
)
SHELL = {"console", "bash", "sh", "shell"}


def name(path: Path) -> str:
    """How a document is called in a test's id."""
    return str(path.relative_to(ROOT)).removeprefix("docs/")


def blocks(path: Path) -> list[tuple[str, str]]:
    """(what stands behind the opening fence, the text) of every block."""
    return BLOCK.findall(path.read_text(encoding="utf-8"))


def files(path: Path) -> dict[str, str]:
    return {info.partition("file=")[2]: text for info, text in blocks(path) if "file=" in info}


def commands(path: Path, kind: str = "console run") -> list[str]:
    """The commands of all blocks of one kind."""
    return [line for info, text in blocks(path) if info == kind for line, _ in sessions(text)]


def sessions(text: str) -> list[tuple[str, list[str]]]:
    """Each command of a console with the lines shown below it. A line that ends in a backslash goes on."""
    out: list[tuple[str, list[str]]] = []
    for line in re.sub(r"\\\n(> )?\s*", "", text).splitlines():
        if line.startswith("$ "):
            out.append((line[2:], []))
        elif out:
            out[-1][1].append(line)
    return out


def shown(path: Path) -> list[str]:
    """Every command that a reader may type from a block, without its comment, whether it is run or not."""
    out = []
    for info, text in blocks(path):
        language = info.partition(" ")[0]
        if language == "console":
            lines = [command for command, _ in sessions(text)]
        elif language in SHELL:
            lines = re.sub(r"\\\n\s*", "", text).splitlines()
        elif info in ("", "text"):
            lines = [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if PROGRAMS.match(f"{line} ")]
        else:
            continue
        out += [bare(line) for line in lines if bare(line)]
    return out


def bare(command: str) -> str:
    """Without a comment, or what stands beside it in a second column."""
    return re.split(r"\s+#\s|^#|\s{3,}", command.strip())[0].strip()
