"""Workers with one mistake each, made of the worker in docs/examples. Not a test.

python wrong_workers.py NAME: as docs/examples/tiny_worker.py, but for what NAME does.
"""

import pathlib
import sys

SOURCE = (pathlib.Path(__file__).parents[2] / "docs" / "examples" / "tiny_worker.py").read_text()

# What is replaced in the source, and by what.
WRONG = {
    "good": ("", ""),
    "silent": ('send(type="hello"', 'dict(type="hello"'),
    "late_words": ('    session = ""\n', '    session = ""\n    send(type="status", state="loading")\n'),
    "wrong_token": ('os.environ["ARENA_TOKEN"]', '"guessed"'),
    "other_major": ("major=1", "major=2"),
    "never_ready": ('state="ready"', 'state="loading"'),
    "wrong_pong": ('n=message.get("n", 0)', "n=7"),
    "ignores_unknown": ('send(type="error", code="unknown_message"', 'dict(type="error", code="unknown_message"'),
    "wrong_code": ('code="unknown_message"', 'code="unexpected"'),
    "answers_errors": (
        'case "cancel" | "pong" | "error":\n                pass',
        'case "error":\n                send(type="error", code="unknown_message", text="what?")\n'
        '            case "cancel" | "pong":\n                pass',
    ),
    "no_opened": ('send(type="opened", match=message["match"], seat=message["seat"])', "pass"),
    "drops_requests": ('in message["requests"]]', 'in message["requests"][:3]]'),
    "answers_twice": ('in message["requests"]]', 'in message["requests"] * 2]'),
    "wrong_tick": ('"tick", "attempt")}', '"attempt")} | {"tick": 99}'),
    "wrong_session": ("session=session", 'session="mine"'),
    "illegal": ('observation["legal"][0]', '"castle"'),
    "no_attempt": ('"tick", "attempt")}', '"tick")}'),
    "confirms_all": (
        'case "cancel" | "pong" | "error":\n                pass',
        'case "cancel":\n                wanted = [dict(id=i, match=0, seat=0, tick=0, cancelled=True) for i in '
        'message["ids"]]\n                send(type="action", session=session, answers=wanted)\n'
        '            case "pong" | "error":\n                pass',
    ),
    "no_closed": (
        '"end":\n                send(type="closed", match=message["match"], seat=message["seat"])',
        '"end":\n                pass',
    ),
    "closes_known_only": (
        '"end":\n                send',
        '"end":\n                (message["match"], message["seat"]) in ASKED and send',
    ),
    "strict_fields": ("def answer(request):\n", "def answer(request):\n    assert 'later' not in request\n"),
    "nil_is_a_value": ('request.get("budget") == 0', '"budget" in request'),
    "counts_buffers": (
        "def answer(request):\n",
        "def answer(request):\n    global NEXT\n    ref = request['observation']['vector']\n"
        "    assert NEXT is None or ref[0] > NEXT or ref[0] < 2\n    NEXT = ref[0]\n",
    ),
    "no_clock": ('request.get("budget") == 0', "False"),
    "no_bye": ('send(type="bye")', "pass"),
    # BYE is on its way when the process ends: without `term` that would be a matter of luck.
    "exit_3": ("socket.close(linger=1000)", "socket.close(linger=1000); socket.context.term(); os._exit(3)"),
    "stays": ("socket.close(linger=1000)\n", "signal.pause()\n"),
    "ignores_stdin": ("target=leave_with_the_arena", "target=int"),
    "leaves_a_child": (
        '"welcome":\n',
        '"welcome":\n                import subprocess; subprocess.Popen(["sleep", "1000"])\n',
    ),
    "newest_only": ("socket.recv_multipart()", "newest(socket)"),
    "never_forgets": (
        '"open":\n',
        '"open" if (message["match"], message["seat"]) in ASKED:\n'
        '                send(type="error", code="refused", text="taken", match=message["match"])\n'
        '            case "open":\n',
    ),
    "strict_welcome": (
        'session = message["session"]\n',
        'session = message["session"]; assert "later" not in message\n',
    ),
    "late_lifeline": (
        "    threading.Thread(target=leave_with_the_arena, daemon=True).start()\n\n    def send",
        "\n    def send",
    ),
    "two_answers": ('{**reply, "decision": decide', '{**reply, "error": "backend", "decision": decide'),
    "cancels_itself": ('"decision": decide(request["observation"])', '"cancelled": True'),
    "illegal_fault": ('decide(request["observation"])', '{"fault": "illegal"}'),
    "negative_usage": ('{"answer": observation', '{"usage": {"prompt": -3}, "answer": observation'),
    "closes_at_once": (
        'send(type="opened", match=message["match"], seat=message["seat"])',
        'send(type="opened", match=message["match"], seat=message["seat"])\n'
        '                send(type="closed", match=message["match"], seat=message["seat"])',
    ),
    "says_bye": ('case "act":\n', 'case "act":\n                send(type="bye")\n'),
    "minor_below": ("minor=0", "minor=-1"),
    "steers_the_terminal": (
        'case "open":\n                send(type="opened", match=message["match"], seat=message["seat"])',
        'case "open":\n                send(type="error", code="failed", text="\\x1b[2J\\x9b31m \\u202e gone", '
        'match=message["match"], seat=message["seat"]); print("\\x1b]0;mine\\x07", flush=True)',
    ),
    "undecided": ('observation["legal"][0]', 'observation["legal"][os.urandom(1)[0] % len(observation["legal"])]'),
}
# What some of them need besides.
NOTED = "def answer(request):\n    ASKED.add((request['match'], request['seat']))\n"
MORE = {
    "leaves_a_child": ("os.killpg(0, signal.SIGKILL)", "os._exit(3)"),
    "closes_known_only": ("def answer(request):\n", NOTED),
    "never_forgets": ("def answer(request):\n", NOTED),
    "late_lifeline": (
        '"welcome":\n',
        '"welcome":\n                threading.Thread(target=leave_with_the_arena, daemon=True).start()\n',
    ),
}
HEAD = """
NEXT, ASKED, WAITING = None, set(), []

def newest(socket):
    # Of several ACTs that wait, only the last.
    while not WAITING or socket.poll(20):
        frames = socket.recv_multipart()
        if WAITING and all(msgpack.unpackb(one[1])["type"] == "act" for one in (WAITING[-1], frames)):
            WAITING.pop()
        WAITING.append(frames)
    return WAITING.pop(0)
"""


def source(name: str) -> str:
    """The worker's program. AssertionError when the example it is made of has changed."""
    text = SOURCE
    for old, new in (WRONG[name], MORE.get(name, ("", ""))):
        assert old in text, f"{name}: {old!r} is not in the example any more"
        text = text.replace(old, new) if old else text
    return HEAD + text


if __name__ == "__main__":
    exec(compile(source(sys.argv[1]), sys.argv[1], "exec"), {"__name__": "__main__"})
