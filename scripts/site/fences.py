"""An mkdocs hook: the fences that the tests read (tests/test_docs.py) as what the site's highlighter reads."""

from __future__ import annotations

import re
from typing import Any

FENCE = re.compile(r"^(?P<ticks>```+)(?P<info>[^\n`]+)$(?P<text>.*?)^(?P=ticks)$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"\bfile=(\S+)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """```python file=NAME gets NAME as its title, and ```console run is a console."""
    return FENCE.sub(_fence, markdown)


def _fence(found: re.Match[str]) -> str:
    info = found["info"].strip()
    if not info.startswith("{") and " " in info:
        language, _, rest = info.partition(" ")
        named = FILE.search(rest)
        info = f'{language} title="{named[1]}"' if named else language
    return f"{found['ticks']}{info}{found['text']}{found['ticks']}"
