"""The recipe of nano as data: the mixture of games, the model's size, the schedule. Change it and run it again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """One game's part in the mixture."""

    weight: float  # of the lessons in every batch, relative to the other games'
    lessons: int  # different lessons that are made; they are met again once all were met
    visited: int = 0  # instead: matches that the model plays at the start, corrected (scripts/nano/visited.py)


# To teach nano another game: give the game a teacher, add a line to both tables, run scripts/nano again.
MIXTURE: dict[str, Share] = {
    "holdem": Share(0.42, 60_000),
    "leduc": Share(0.13, 15_000),
    "kuhn": Share(0.045, 4_000),
    "connect_four": Share(0.145, 30_000),
    "sidescroller": Share(0.15, 24_000),
    "mario": Share(0.11, 6_000),
}
# After the first phase nano saw the cards, and was weakest at where things are in the sidescroller, whose levels are no
# two alike, and at Leduc (it raised where no raise is left).
POLISH: dict[str, Share] = {
    "holdem": Share(0.20, 20_000),
    "leduc": Share(0.16, 16_000),
    "kuhn": Share(0.04, 4_000),
    "connect_four": Share(0.08, 5_000),
    "sidescroller": Share(0.46, 24_000),
    "mario": Share(0.06, 1_000),
}
# From a nano on: what it saw least surely, where it went by itself too, and enough of the rest that nothing is lost.
AGAIN: dict[str, Share] = {
    "holdem": Share(0.11, 12_000),
    "leduc": Share(0.07, 8_000),
    "kuhn": Share(0.02, 2_000),
    "connect_four": Share(0.05, 6_000),
    "sidescroller": Share(0.36, 40_000),
    "sidescroller:visited": Share(0.20, 0, visited=350),
    "mario": Share(0.06, 1_000),
    "mario:visited": Share(0.13, 0, visited=80),
}


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of training with its own lessons (phase number p makes and orders them from the recipe's seed + p)."""

    steps: int
    rate: float  # after the warm-up; it falls as a cosine
    last_rate: float
    warmup: int
    mixture: dict[str, Share]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the weights, the number of threads aside."""

    seed: int = 1
    phases: tuple[Phase, ...] = (
        Phase(steps=2_900, rate=1.2e-3, last_rate=2e-5, warmup=100, mixture=MIXTURE),
        Phase(steps=1_500, rate=8e-4, last_rate=1e-5, warmup=50, mixture=POLISH),
    )
    shard: int = 1_000  # lessons a file
    start: str | None = None  # SHA-256 of the weights that training goes on from
    # Tokens
    vocabulary: int = 1_024
    # The tower that sees: 128x128 pixels in patches of 16, four patches an image token, so 16 image tokens
    image: int = 128
    patch: int = 16
    shuffle: int = 2
    vision_width: int = 128
    vision_layers: int = 4
    vision_heads: int = 4
    # The language model
    width: int = 192
    inner: int = 512
    layers: int = 5
    heads: int = 3
    positions: int = 512
    # The updates
    batch: int = 64
    decay: float = 0.02
    clip: float = 1.0
    answer_weight: float = 2.0  # loss of an answer's tokens against a thought's
    shown_weight: float = 1.0  # of the tokens after the answer that say what else the picture shows

    @property
    def image_tokens(self) -> int:
        return (self.image // self.patch // self.shuffle) ** 2

    @property
    def games(self) -> list[str]:
        """Every game of any phase, sorted."""
        return sorted({name.partition(":")[0] for phase in self.phases for name in phase.mixture})

    @property
    def steps(self) -> int:
        return sum(phase.steps for phase in self.phases)

    def phase_at(self, step: int) -> tuple[int, int]:
        """(number of the phase that `step` belongs to, steps of that phase before it)."""
        for number, phase in enumerate(self.phases):
            if step < phase.steps:
                return number, step
            step -= phase.steps
        raise ValueError(f"the recipe ends {step + 1} steps before this one")


def again(start: str, seed: int, steps: int) -> Recipe:
    """The recipe that goes on from the weights with the SHA-256 `start`."""
    phase = Phase(steps=steps, rate=6e-4, last_rate=1e-5, warmup=100, mixture=AGAIN)
    return Recipe(seed=seed, phases=(phase,), start=start)
