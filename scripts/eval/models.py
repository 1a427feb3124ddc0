"""A model of your choice against the baselines, in every text and picture game that ships for two seats.

    arena evaluate scripts/eval/models.py --set operators=vlm:MODEL@url=http://localhost:8000/v1,scripted,random
    arena evaluate scripts/eval/models.py --dry-run

As it stands it plays what comes with the arena: nano, and nano-games at connect four. See docs/servers.md for servers,
and `--dry-run --like RUN` for what it will cost.
"""

from arena.evaluation import Evaluation

EVALUATION = Evaluation(
    name="models",
    games=("kuhn@seats=2", "leduc@seats=2", "holdem@seats=2@hands=4", "connect_four@opening=4"),
    operators=("vlm", "scripted", "random"),
    null="random",
    blocks=10,
    seed=1,
)

if __name__ == "__main__":
    EVALUATION.main()
