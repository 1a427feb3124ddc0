"""How far each gets in Super Mario Bros, all from the same starts, side by side in lanes.

    arena env create mario
    arena evaluate scripts/eval/mario_race.py

The seed changes nothing in this game: starts differ by frames of waiting (`noops`).
"""

from arena.evaluation import Evaluation
from arena.plan import Limits

EVALUATION = Evaluation(
    name="mario race",
    games=("mario@seats=4@noops=30",),
    operators=("ppo", "vlm", "scripted", "random"),
    blocks=4,
    seed=1,
    mirror=False,
    limits=Limits(max_ticks=200),
)

if __name__ == "__main__":
    EVALUATION.main()
