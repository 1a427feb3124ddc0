"""Builds the person's operator inside the worker. The page's server is imported only when there is a page."""

from __future__ import annotations

from arena.operator import AsyncOperator, WorkerContext


def build(context: WorkerContext) -> AsyncOperator:
    """TerminalHuman or WebHuman, as `mode` (or, where nobody settled it, the part after the colon) says."""
    if (context.options.get("mode") or context.what or "web") == "terminal":
        from operators.human.terminal import TerminalHuman

        return TerminalHuman(context)
    from operators.human.web import WebHuman

    return WebHuman(context)
