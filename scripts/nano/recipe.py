"""The recipe of nano as data: the mixture of games, the model's size, the schedule. Change it and run it again."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Share:
    """One game's part in the mixture."""

    weight: float  # of the lessons in every batch, relative to the other games'
    lessons: int  # different lessons that are made; they are met again once all were met


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

    @property
    def image_tokens(self) -> int:
        return (self.image // self.patch // self.shuffle) ** 2

    @property
    def games(self) -> list[str]:
        """Every game of any phase, sorted."""
        return sorted({game for phase in self.phases for game in phase.mixture})

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
