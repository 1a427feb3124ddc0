"""The recipe of nano as data: the mixture of games, the model's size, the schedule. Change it and run it again."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Share:
    """One game's part in the mixture."""

    weight: float  # of the lessons in every batch, relative to the other games'
    lessons: int  # different lessons that are made; they are met again once all were met


# To teach nano another game: give the game a teacher, add a line here, run scripts/nano again.
MIXTURE: dict[str, Share] = {
    "holdem": Share(0.56, 60_000),
    "leduc": Share(0.18, 15_000),
    "kuhn": Share(0.06, 4_000),
    "connect_four": Share(0.20, 30_000),
}


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides the weights, the number of threads aside."""

    seed: int = 1
    mixture: dict[str, Share] = field(default_factory=lambda: dict(MIXTURE))
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
    # The schedule
    steps: int = 2_200
    batch: int = 64
    rate: float = 1.2e-3
    last_rate: float = 2e-5
    warmup: int = 100
    decay: float = 0.02
    clip: float = 1.0
    answer_weight: float = 2.0  # loss of an answer's tokens against a thought's

    @property
    def image_tokens(self) -> int:
        return (self.image // self.patch // self.shuffle) ** 2
