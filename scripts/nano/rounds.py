"""What each round of nano-games learns: teachers, how many lessons of each, and its share of a batch."""

from __future__ import annotations

# Shares of a batch: half of it is new, and of that most where a picture is hardest to read.
TEACHERS = (
    "numberline@lessons=3000@weight=0.02",
    "ezpoints@lessons=8000@weight=0.04",
    "points24@lessons=30000@weight=0.09",
    "blackjack@lessons=6000@weight=0.04",
    "maze@lessons=30000@weight=0.12",
    "jigsaw@lessons=12000@weight=0.10",
    "spy@lessons=30000@weight=0.21",
    "race@lessons=5000@weight=0.06",
    "mario@lessons=1000@weight=0.05",
    "holdem@lessons=12000@weight=0.08",
    "leduc@lessons=8000@weight=0.05",
    "kuhn@lessons=2000@weight=0.015",
    "connect_four@lessons=6000@weight=0.04",
)
# The second round: most of it where new eyes see more, and enough of the rest that nothing is lost.
AGAIN = (
    "numberline@lessons=1000@weight=0.015",
    "ezpoints@lessons=2000@weight=0.03",
    "points24@lessons=5000@weight=0.07",
    "blackjack@lessons=4000@weight=0.06",
    "maze@lessons=14000@weight=0.18",
    "jigsaw@lessons=9000@weight=0.11",
    "spy@lessons=18000@weight=0.24",
    "race@lessons=2000@weight=0.04",
    "mario@lessons=1000@weight=0.04",
    "holdem@lessons=5000@weight=0.06",
    "leduc@lessons=3000@weight=0.04",
    "kuhn@lessons=1000@weight=0.015",
    "connect_four@lessons=2000@weight=0.03",
)
# The third: two thirds of it are what the second left at chance.
LAST = (
    "numberline@lessons=1000@weight=0.01",
    "ezpoints@lessons=2000@weight=0.02",
    "points24@lessons=6000@weight=0.06",
    "blackjack@lessons=4000@weight=0.04",
    "maze@lessons=36000@weight=0.22",
    "jigsaw@lessons=18000@weight=0.13",
    "spy@lessons=40000@weight=0.24",
    "race@lessons=2000@weight=0.03",
    "mario@lessons=1000@weight=0.03",
    "holdem@lessons=5000@weight=0.05",
    "leduc@lessons=3000@weight=0.03",
    "kuhn@lessons=1000@weight=0.015",
    "connect_four@lessons=9000@weight=0.065",
)
# The fourth: spy with all that is in a picture said, and every statement judged; and enough of the rest.
GROWN = (
    "numberline@lessons=1000@weight=0.01",
    "ezpoints@lessons=2000@weight=0.015",
    "points24@lessons=4000@weight=0.04",
    "blackjack@lessons=2000@weight=0.02",
    "maze@lessons=10000@weight=0.10",
    "jigsaw@lessons=6000@weight=0.06",
    "spy@lessons=40000@weight=0.58",
    "race@lessons=1500@weight=0.015",
    "mario@lessons=1000@weight=0.015",
    "holdem@lessons=4000@weight=0.04",
    "leduc@lessons=2000@weight=0.02",
    "kuhn@lessons=1000@weight=0.01",
    "connect_four@lessons=5000@weight=0.05",
)
# The fifth: what the fourth let slip, as jigsaws and ezpoints, and the rest.
EVEN = (
    "numberline@lessons=1000@weight=0.05",
    "ezpoints@lessons=2000@weight=0.10",
    "points24@lessons=3000@weight=0.10",
    "blackjack@lessons=1000@weight=0.03",
    "maze@lessons=4000@weight=0.10",
    "jigsaw@lessons=5000@weight=0.18",
    "spy@lessons=8000@weight=0.20",
    "race@lessons=1000@weight=0.02",
    "mario@lessons=1000@weight=0.02",
    "holdem@lessons=2000@weight=0.04",
    "leduc@lessons=1000@weight=0.03",
    "kuhn@lessons=1000@weight=0.01",
    "connect_four@lessons=2000@weight=0.05",
)
# The sixth: mario, connect four and jigsaws, which the rounds before it had little of, and what spy learnt.
BACK = (
    "numberline@lessons=1000@weight=0.02",
    "ezpoints@lessons=1500@weight=0.03",
    "points24@lessons=1500@weight=0.03",
    "blackjack@lessons=1000@weight=0.02",
    "maze@lessons=2000@weight=0.05",
    "jigsaw@lessons=5000@weight=0.18",
    "spy@lessons=6000@weight=0.15",
    "race@lessons=500@weight=0.01",
    "mario@lessons=3000@weight=0.18",
    "holdem@lessons=1000@weight=0.02",
    "leduc@lessons=1000@weight=0.015",
    "kuhn@lessons=500@weight=0.005",
    "connect_four@lessons=6000@weight=0.23",
)
# The seventh, after eyes that see shapes: most of it says what they see, and of the rest enough that nothing is lost.
SHAPES = (
    "numberline@lessons=1000@weight=0.015",
    "ezpoints@lessons=2000@weight=0.04",
    "points24@lessons=2000@weight=0.04",
    "blackjack@lessons=1000@weight=0.015",
    "maze@lessons=3000@weight=0.07",
    "jigsaw@lessons=5000@weight=0.13",
    "spy@lessons=24000@weight=0.55",
    "race@lessons=500@weight=0.01",
    "mario@lessons=2000@weight=0.05",
    "holdem@lessons=1000@weight=0.015",
    "leduc@lessons=1000@weight=0.015",
    "kuhn@lessons=500@weight=0.005",
    "connect_four@lessons=3000@weight=0.07",
)
# The eighth, after eyes that see patches and formulas: most of it are jigsaws, half of which are patches, and points24,
# whose thoughts now plan a whole formula.
PATCHES = (
    "numberline@lessons=1000@weight=0.015",
    "ezpoints@lessons=3000@weight=0.04",
    "points24@lessons=40000@weight=0.30",
    "blackjack@lessons=1000@weight=0.015",
    "maze@lessons=3000@weight=0.06",
    "jigsaw@lessons=20000@weight=0.25",
    "spy@lessons=8000@weight=0.17",
    "race@lessons=500@weight=0.01",
    "mario@lessons=1000@weight=0.04",
    "holdem@lessons=1000@weight=0.015",
    "leduc@lessons=1000@weight=0.015",
    "kuhn@lessons=500@weight=0.005",
    "connect_four@lessons=2000@weight=0.05",
)
# The ninth, of the same puzzles and deals (so it has the eighth's seed): for what that had not learnt, to compare the
# sides of patches with the hole's.
COMPARED = (
    "numberline@lessons=1000@weight=0.015",
    "ezpoints@lessons=3000@weight=0.03",
    "points24@lessons=40000@weight=0.12",
    "blackjack@lessons=1000@weight=0.015",
    "maze@lessons=3000@weight=0.05",
    "jigsaw@lessons=20000@weight=0.50",
    "spy@lessons=8000@weight=0.14",
    "race@lessons=500@weight=0.01",
    "mario@lessons=1000@weight=0.04",
    "holdem@lessons=1000@weight=0.015",
    "leduc@lessons=1000@weight=0.015",
    "kuhn@lessons=500@weight=0.005",
    "connect_four@lessons=2000@weight=0.04",
)
