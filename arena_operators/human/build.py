"""Builds the operator for a person inside the worker. A page's or a window's libraries are imported only if needed."""

from __future__ import annotations

from arena.operator import AsyncOperator, WorkerContext


def build(context: WorkerContext) -> AsyncOperator:
    """TerminalHuman, WindowHuman or WebHuman, as `mode` says; where that is not said, the part after the colon."""
    mode = context.options.get("mode") or context.what or "web"
    if mode == "window":
        from arena_operators.human.window import WindowHuman

        return WindowHuman(context)
    if mode == "terminal":
        from arena_operators.human.terminal import TerminalHuman

        return TerminalHuman(context)
    from arena_operators.human.web import WebHuman

    return WebHuman(context)
