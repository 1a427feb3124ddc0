"""Who plays cards best: nano, two policies, the baseline, chance, and a twin of chance as the noise floor.

    arena evaluate scripts/eval/leaderboard_cards.py

Under ten minutes on two cores. The same seed gives the same log and tables anywhere.
"""

from arena.evaluation import Evaluation

EVALUATION = Evaluation(
    name="cards",
    games=("leduc@seats=2", "leduc@seats=3", "holdem@seats=2@hands=4"),
    operators=("vlm", "ppo", "ppo@deterministic=true", "scripted", "random"),
    null="random",
    blocks=20,
    seed=1,
)

if __name__ == "__main__":
    EVALUATION.main()
