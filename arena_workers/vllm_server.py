"""vLLM's server, run by the Python of its runtime: `python -P -m arena_workers.vllm_server [vLLM's options]`.

It is vLLM's own program, but ends when its stdin does, with the processes that it started: whoever started it is gone
then, however that ended.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    """Serve until SIGTERM, or until the end of stdin."""
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    sys.argv[0] = "vllm"
    # The program `vllm serve` wants a distribution called vllm, which the one for CPUs is not.
    runpy.run_module("vllm.entrypoints.openai.api_server", run_name="__main__", alter_sys=True)


def _leave_with_parent() -> None:
    while os.read(0, 4096):
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os._exit(3)


if __name__ == "__main__":
    main()
