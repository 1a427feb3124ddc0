"""Guided thoughts: beside the policy's loss, a model learns to say what was true of the turns that it came to.

Rewards of actions alone let thoughts collapse (GTR, 2503.08525). A corrector says what would have been true; the model
learns its statements by cross-entropy, and, where it is wanted, the plan after them, but never the answer: actions are
learnt from rewards. Corrected are turns of this update and of earlier ones, which are never forgotten (DAgger,
1011.0686): the turn store has them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from arena import files, names
from arena.canonical import generator, key
from arena.errors import ArenaError, InputError, nearest
from arena.game import Image
from arena.prompts import MARK
from arena.train.lesson import Solver, Truth
from arena.train.vlm.engine import Datum, Ints
from arena.train.vlm.rows import Row, Tokens
from arena.train.vlm.store import RowStore
from arena.train.vlm.thoughts import parted

TRUTH = "truth"
Spell = Callable[[str, bool], Ints]  # a thought, and whether with its plan -> the tokens of these sentences


@dataclass(frozen=True, kw_only=True)
class ThoughtsConfig:
    """Which true statements are learnt beside the policy."""

    corrector: str = ""  # "truth": what the game says (Game.truth); FILE.py:FUNCTION, a Truth; "": none is learnt
    weight: float = 0.3  # of the cross-entropy, a mean over tokens, beside the policy's loss
    share: float = 0.25  # so many corrected turns in an update for each of its turns
    past: float = 0.5  # of them from an earlier update, drawn evenly
    plan: bool = False  # the plan too: of "truth" that of the game's solver (Game.solver), else what FUNCTION wrote

    def check(self) -> None:
        """InputError for what makes no sense."""
        if self.corrector and self.corrector != TRUTH and not names.parse(self.corrector).is_file:
            raise InputError(
                f"thoughts.corrector={self.corrector!r}: {nearest(self.corrector, (TRUTH,))} Your own: FILE.py:FUNCTION"
            )
        if not self.weight > 0:
            raise InputError(f"thoughts.weight={self.weight}: expected more than 0; thoughts.corrector='' guides none")
        if not 0 < self.share <= 1 or not 0 <= self.past < 1:
            raise InputError(
                f"thoughts.share={self.share}, thoughts.past={self.past}: expected a share above 0, at most 1, of "
                "which less than 1 is of the past"
            )


def correctors(
    config: ThoughtsConfig, truths: Mapping[str, Truth], solvers: Mapping[str, Solver], games: Sequence[str]
) -> tuple[Mapping[str, Truth], Mapping[str, Solver]]:
    """By game id, what says the true thoughts, and where they are wanted the plans.

    `truths`, `solvers` by game id, for the corrector "truth"; `games`: the ids of all games. InputError for a game that
    lacks what is needed, or a function that there is not.
    """
    if config.corrector != TRUTH:
        say: Truth = files.function(config.corrector, ("facts", "answer"))
        return dict.fromkeys(games, say), {}
    if silent := [game for game in games if game not in truths]:
        raise InputError(
            f"thoughts.corrector=truth: {silent[0]} does not say what is true of a moment (Game.truth). Say it in a "
            "function of your own: FILE.py:FUNCTION"
        )
    if config.plan and (unsolved := [game for game in games if game not in solvers]):
        raise InputError(
            f"thoughts.plan=true: {unsolved[0]} has no solver that knows what to do (Game.solver). Set it to false, or "
            "write whole thoughts in a function of your own: thoughts.corrector=FILE.py:FUNCTION"
        )
    return truths, solvers if config.plan else {}


class Guide:
    """Makes the corrected turns of each update. All chance follows from (seed, update)."""

    def __init__(
        self,
        config: ThoughtsConfig,
        truths: Mapping[str, Truth],
        solvers: Mapping[str, Solver],
        *,
        games: Sequence[str],
        store: RowStore,
        tokens: Tokens,
        spell: Spell,
        seed: int,
    ) -> None:
        """The rest is as in `correctors`."""
        self.config = config
        self._truths, self._solvers = correctors(config, truths, solvers, games)
        self._store, self._tokens, self._spell, self._seed = store, tokens, spell, seed
        self._silent = 0  # turns of the newest call that were corrected with no text

    def data(self, update: int, rows: Sequence[Row], images: Mapping[str, Image], parts: int) -> list[list[Datum]]:
        """Corrected turns for each of `parts` steps of the optimiser. The weights of all of them sum to parts x weight.

        ArenaError when no turn of this update can be corrected.
        """
        chance = generator(key("thoughts", self._seed, update))
        wanted = max(1, round(self.config.share * len(rows)))
        before = round(self.config.past * wanted) if update else 0
        found = self._corrected(rows, images, chance, wanted - before)
        if not found and self._silent:
            raise InputError(
                f"thoughts.corrector={self.config.corrector} said nothing of {self._silent} turns: expected "
                "statements. Without thoughts.plan=true the last sentence is taken for a plan, and left out"
            )
        if not found:
            raise ArenaError(
                "thoughts.corrector: no turn of this update has facts and a true statement, so that no thought can be "
                "guided. Does the operator have the text view?"
            )
        if before:
            earlier = int(chance.integers(update))
            past = self._store.read(earlier)
            found += self._corrected(past, None, chance, before)
        total = sum(len(one.response) for one in found)
        each = self.config.weight * parts / total
        weighted = [
            Datum(
                prompt=one.prompt,
                response=one.response,
                images=one.images,
                spans=one.spans,
                inputs={"weight": np.full(len(one.response), each, np.float32)},
            )
            for one in found
        ]
        order = chance.permutation(len(weighted))
        return [[weighted[at] for at in part] for part in np.array_split(order, parts)]

    def _corrected(
        self, rows: Sequence[Row], images: Mapping[str, Image] | None, chance: np.random.Generator, count: int
    ) -> list[Datum]:
        """Of so many of these turns, or all that can be corrected; `images`: their pictures, None: in the store."""
        known = [row for row in rows if row.state is not None and len(row.response) and row.game in self._truths]
        chosen = chance.choice(len(known), min(count, len(known)), replace=False) if known else ()
        out, self._silent = [], 0
        for at in sorted(int(one) for one in chosen):
            row = known[at]
            assert row.state is not None
            solver = self._solvers.get(row.game)
            best = None if solver is None else solver(row.state)
            plan = self.config.plan and (solver is None or best is not None)
            answer = best or parted(self._tokens.text(row.response.tolist()))[1]
            thought = self._truths[row.game](row.state, answer)
            if not isinstance(thought, str):
                raise InputError(f"thoughts.corrector={self.config.corrector} returned {thought!r}: expected a text")
            response = self._spell(thought, plan)
            self._silent += not len(response)
            most = self._tokens.context
            if most is not None and len(row.prompt) + len(response) > most:
                raise InputError(
                    f"thoughts.corrector={self.config.corrector} returned a text of {len(response):,} tokens: with its "
                    f"prompt of {len(row.prompt):,} that is more than the model's {most:,}"
                )
            if len(response):
                shown = tuple(self._store.image(name) if images is None else images[name] for name in row.images)
                out.append(Datum(prompt=row.prompt, response=response, images=shown, spans=row.spans))
        return out


def speller(tokenizer: Any) -> Spell:
    """Of a fast tokenizer of transformers."""

    def spell(thought: str, plan: bool) -> Ints:
        text = thought.strip()
        breaks = [one.start() for one in re.finditer(r"(?<=[.!?])\s+", text)]
        end = len(text) if plan else breaks[-1] if breaks else 0
        made = tokenizer(f"{text}\n{MARK}", add_special_tokens=False, return_offsets_mapping=True)
        pairs = zip(made["input_ids"], made["offset_mapping"], strict=True)
        return np.array([token for token, (_, stop) in pairs if stop <= end], np.int32)

    return spell
