"""A worker that talks, made of tiny_worker.py beside it. See "Talk" in docs/protocol.md.

arena play --game ./talking_game.py --operators "cmd:'python talking_worker.py'@views=text,scripted"
"""

import tiny_worker


def decide(observation):
    """A decision as it travels: an answer, and what is said beside it."""
    heard = [f"seat {said['seat']} said {said['text']!r}" for said in observation.get("heard", ())]
    if most := observation.get("free_text", 0):
        return {"answer": "Think of the sky."[:most]}  # the text is the whole answer
    if most := observation.get("table_talk", 0):
        return {"answer": observation["legal"][0], "say": f"I heard that {'; '.join(heard) or 'nobody spoke'}"[:most]}
    return {"answer": observation["legal"][0]}


if __name__ == "__main__":
    tiny_worker.decide = decide
    tiny_worker.main()
