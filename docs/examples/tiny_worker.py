"""A whole worker, with pyzmq and msgpack only: it takes the first legal action. See docs/protocol.md.

arena play --game leduc --operators "cmd:'python tiny_worker.py',random" --matches 20
arena check worker -- python tiny_worker.py
"""

import os
import signal
import threading

import msgpack
import zmq


def leave_with_the_arena():
    """stdin is a pipe from the arena: end of file means that the arena is gone, and our children go too."""
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


def decide(observation):
    """Your operator: `answer` is an action's index out of `legal`, or text that the game parses."""
    return {"answer": observation["legal"][0]}


def answer(request):
    reply = {name: request.get(name, 0) for name in ("id", "match", "seat", "tick", "attempt")}
    if request.get("budget") == 0:
        return {**reply, "decision": {"fault": "timeout"}}
    return {**reply, "decision": decide(request["observation"])}


def main():
    socket = zmq.Context().socket(zmq.DEALER)
    socket.connect(os.environ["ARENA_ADDRESS"])
    threading.Thread(target=leave_with_the_arena, daemon=True).start()

    def send(**header):
        socket.send_multipart([b"ARENA/1", msgpack.packb(header)])

    token, repeats = os.environ["ARENA_TOKEN"], "deterministic"
    send(type="hello", token=token, major=1, minor=0, kind="python", name="tiny", version="1", determinism=repeats)
    session = ""
    while True:
        _magic, header, *_buffers = socket.recv_multipart()
        message = msgpack.unpackb(header)
        match message["type"]:
            case "welcome":
                session = message["session"]
                send(type="status", state="ready")
            case "open":
                send(type="opened", match=message["match"], seat=message["seat"])
            case "act":
                send(type="action", session=session, answers=[answer(one) for one in message["requests"]])
            case "end":
                send(type="closed", match=message["match"], seat=message["seat"])
            case "ping":
                send(type="pong", n=message.get("n", 0))
            case "cancel" | "pong" | "error":
                pass  # every question is answered before the next message is read
            case "shutdown":
                send(type="bye")
                socket.close(linger=1000)
                return
            case other:
                send(type="error", code="unknown_message", text=f"unknown message {other!r}")


if __name__ == "__main__":
    main()
