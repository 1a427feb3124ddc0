"""vLLM's server, run by the Python of its runtime: `python -P -m arena_workers.vllm_server [vLLM's options]`.

It is vLLM's own program, but ends when its stdin does, with the processes that it started: whoever started it is gone
then, however that ended.
"""

from __future__ import annotations

import os
import runpy
import secrets
import signal
import sys
import threading
from typing import Any


def main() -> None:
    """Serve until SIGTERM, or until the end of stdin."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    sys.argv[0] = "vllm"
    # The program `vllm serve` wants a distribution called vllm, which the one for CPUs is not.
    runpy.run_module("vllm.entrypoints.openai.api_server", run_name="__main__", alter_sys=True)


class Guard:
    """ASGI: who asks for anything but the server's health needs its key. vLLM itself asks for it below /v1 only, and

    the routes that exchange its weights are not there.
    """

    def __init__(self, app: Any) -> None:
        self.app = app
        self.right = f"Bearer {os.environ['VLLM_API_KEY']}".encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """401 without the key."""
        if scope["type"] == "http" and scope["path"] != "/health":
            given = dict(scope["headers"]).get(b"authorization", b"")
            if not secrets.compare_digest(given, self.right):
                await send({"type": "http.response.start", "status": 401, "headers": []})
                await send({"type": "http.response.body", "body": b"it wants a key"})
                return
        await self.app(scope, receive, send)


def _leave_with_parent() -> None:
    while os.read(0, 4096):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(3)


if __name__ == "__main__":
    main()
