"""The settings of `arena train vlm`: presets, TOML or Python files, and `--set` all fill these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from arena import declared, files, names
from arena.errors import InputError, nearest
from arena.paths import expanded
from arena.train import ranges
from arena.train.ranges import ABOVE_0, COUNT, DECAY, LEAST_0, SHARE, SOME
from arena.train.vlm.advantages import ALGORITHMS, critic_of
from arena.train.vlm.begun import HEAD, OTHERS, damaged, lacking, read_head
from arena.train.vlm.critic_config import CriticConfig
from arena.train.vlm.estimate import Filter, find
from arena.train.vlm.evaluation_config import EvaluationConfig
from arena.train.vlm.guided import ThoughtsConfig
from arena.train.vlm.local_config import LocalConfig
from arena.train.vlm.matches import RolloutConfig
from arena.train.vlm.placement import Placement
from arena.train.vlm.policy_config import PolicyConfig, terms_of
from arena.train.vlm.spo import SpoConfig
from arena.train.vlm.tinker_config import ADAPTER, TinkerConfig

PRESETS = Path(__file__).parent / "presets"
# may differ in a resumed run:
FREE = {
    *("updates", "evaluation", "checkpoint_every", "keep", "keep_rollouts", "samples", "samples_every", "wandb"),
    "placement",  # where it runs, not what is trained
}


@dataclass(frozen=True, kw_only=True)
class LearnConfig:
    """From the turns of an update to changed weights."""

    algorithm: str = "ppo"  # of advantages.ALGORITHMS, or FILE.py:FUNCTION
    filter: Filter = "none"
    kappa: float = 0.1  # of the filter "asym"
    limit: float = 5.0  # advantages are cut to [-limit, limit]; 0: not
    gamma: float = 0.95  # discount a turn
    lam: float = 0.95  # lambda of GAE over turns
    token_gamma: float = 1.0  # discount a token, inside a turn: of token_ppo and bilevel
    token_lam: float = 1.0  # lambda of GAE over tokens, inside a turn
    share: float = 1.0  # of the trainable turns, those with the largest |A| are learnt from
    thought: float = 1.0  # the advantage of a thought's token is multiplied by this
    reward: str = ""  # FILE.py:FUNCTION that gives the turns their rewards instead of the game
    reward_scale: float = 1.0  # rewards are multiplied by this
    batch: int = 64  # turns of one step of the optimiser
    epochs: int = 1  # passes over the turns of an update
    learning_rate: float = 1e-4
    warmup: int = 0  # first updates, in which the learning rate rises
    decay: int = 0  # updates over which it then falls on a line to floor x learning_rate; 0: it does not
    floor: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.0
    grad_norm: float = 1.0

    def check(self) -> None:
        """InputError for what makes no sense."""
        least_0 = ("kappa", "limit", "thought", "learning_rate", "warmup", "decay", "weight_decay", "grad_norm")
        shares = dict.fromkeys(("gamma", "lam", "token_gamma", "token_lam", "floor"), SHARE)
        others = {"share": SOME, "reward_scale": ABOVE_0, "batch": COUNT, "epochs": COUNT, "betas": DECAY}
        ranges.check("learn", self, dict.fromkeys(least_0, LEAST_0) | shares | others)

    def rate(self, update: int) -> float:
        """The learning rate of an update, counted from 0."""
        if update < self.warmup:
            return self.learning_rate * (update + 1) / self.warmup
        if not self.decay:
            return self.learning_rate
        gone = min(1.0, (update - self.warmup) / self.decay)
        return self.learning_rate * (1 - gone * (1 - self.floor))


@dataclass(frozen=True, kw_only=True)
class VlmConfig:
    """Everything that determines the weights, and how they are watched and kept."""

    rollout: RolloutConfig
    updates: int = 50
    seed: int = 0
    learn: LearnConfig = field(default_factory=LearnConfig)
    policy: PolicyConfig = field(default_factory=PolicyConfig)
    spo: SpoConfig = field(default_factory=SpoConfig)  # of learn.algorithm="spo"
    thoughts: ThoughtsConfig = field(default_factory=ThoughtsConfig)
    critic: CriticConfig = field(default_factory=CriticConfig)
    engine: Literal["local", "tinker"] = "local"  # what holds the weights that are trained: see docs/engine.md
    model: LocalConfig = field(default_factory=LocalConfig)
    tinker: TinkerConfig = field(default_factory=TinkerConfig)  # of engine="tinker", which takes model's rank and seed
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    placement: Placement = field(default_factory=Placement)  # which GPUs serve, which train
    staleness: int = 0  # updates that rollouts are ahead of the trainer; 0: each is played when it is learnt from
    processes: int | None = None  # that play ahead; None: staleness + 1, one for each update that may be played
    threads: int = 1  # of torch: another number may change the last bits
    checkpoint_every: int = 1  # updates
    keep: int = 2  # checkpoints
    keep_rollouts: int = 3  # run folders of rollouts; 0: all
    samples: int = 6  # turns with their pictures, on a page in OUT/samples
    samples_every: int = 10  # updates between two pages; 0: none
    wandb: str = ""  # a project of Weights & Biases that gets the metrics; "": nothing is sent

    @property
    def copies(self) -> int:
        """Of the operator, that play at once: the trainer's own, or one in each process that plays ahead."""
        most = self.staleness + 1
        return min(self.processes or most, most)

    def check(self) -> None:
        """InputError for what makes no sense, before anything is loaded."""
        self.rollout.check()
        self.learn.check()
        self.critic.check()
        self.evaluation.check()
        self.spo.check()
        self.thoughts.check()
        PolicyConfig.parse(asdict(self.policy))
        counts = dict.fromkeys(("updates", "processes", "threads", "checkpoint_every", "keep", "samples"), COUNT)
        ranges.check("", self, counts | dict.fromkeys(("staleness", "keep_rollouts", "samples_every"), LEAST_0))
        self.rollout.pool.check_ahead(self.staleness)
        self._check_placement()
        if self.engine == "tinker":
            self._check_tinker()

    def _check_placement(self) -> None:
        self.placement.check()
        self.placement.served(self.rollout.operator)
        if self.placement.train and self.model.device == "cpu":
            raise InputError("model.device=cpu, and placement.train names GPUs: set model.device=cuda")
        if self.placement.trainers > 1 and self.engine != "local":
            raise InputError("placement.train: a server of the Tinker API decides in how many processes it trains")

    def _check_tinker(self) -> None:
        """InputError for what a server of the Tinker API has no answer to."""
        self.tinker.check()
        operator = names.parse(self.rollout.operator)
        own = operator.options.get("adapter") or (
            operator.what if (expanded(operator.what) / ADAPTER).is_file() else ""
        )
        wrong = {
            f"rollout.operator={self.rollout.operator}": own
            and f"begins with an empty adapter of tinker.base_model, and would lose {own!r} with the first update: "
            "name the model without it, or set engine=local",
            "model.mode=full": self.model.mode == "full" and "trains adapters alone: set model.mode=lora",
            f"model.temperature={self.model.temperature:g}": self.model.temperature != 1 and "scores at temperature 1",
            f"policy.entropy={self.policy.entropy:g}": self.policy.entropy and "gives no entropies: set it to 0",
            "critic.inputs=hidden": critic_of(find(self.learn.algorithm))
            and "hidden" in self.critic_here.inputs
            and "gives no hidden states: name other inputs, and an algorithm that values turns",
            f"thoughts.corrector={self.thoughts.corrector}": self.thoughts.corrector
            and "gives no tokenizer, which true statements are written by: set it to nothing, or set engine=local",
        }
        for name, why in wrong.items():
            if why:
                raise InputError(f"{name}: a server of the Tinker API {why}")

    @property
    def critic_here(self) -> CriticConfig:
        """The critic's settings; algorithms that value tokens have it look at the model's states alone."""
        of_tokens = critic_of(find(self.learn.algorithm)) == "tokens"
        return replace(self.critic, inputs=("hidden",)) if of_tokens else self.critic

    def facts(self) -> dict[str, Any]:
        """What a resumed run must share, as JSON gives it back."""
        return {name: value for name, value in self._plain().items() if name not in FREE}

    def others(self) -> dict[str, Any]:
        """The settings that may differ in a resumed run, as JSON gives them back."""
        return {name: value for name, value in self._plain().items() if name in FREE}

    def files(self) -> dict[str, str]:
        """The users' own files that a training plays and learns by, as they are named, with their hashes.

        InputError for one that is gone.
        """
        how, learn = self.rollout, self.learn
        algorithm = "" if learn.algorithm in ALGORITHMS else learn.algorithm
        own = [algorithm, learn.reward, *terms_of(self.policy.terms), self.thoughts.corrector]
        named = [name for name in (*how.levels, how.operator, *how.pool.fixed, *own) if name]
        found = {names.parse(name).kind: files.fingerprint(name) for name in named}
        return {name: value for name, value in found.items() if value is not None}

    def _plain(self) -> dict[str, Any]:
        settled = replace(self, model=self.model.here(), critic=self.critic.here())
        out: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(asdict(settled)))
        return out


def presets() -> dict[str, Path]:
    """The presets that ship, by name."""
    return {path.stem: path for path in sorted(PRESETS.glob("*.toml"), key=lambda path: path.stem)}


def load(
    preset: str | None,
    file: Path | None,
    settings: Mapping[str, Any] | tuple[str, ...] = (),
    games: tuple[str, ...] = (),
    begun: Path | None = None,
) -> VlmConfig:
    """The config of a preset or a file, or what every setting is by itself, with `--set` settings.

    `games`: to be played instead of the config's own; without preset and file there must be one. `begun`: the folder of
    a training whose config is taken where none is named. InputError names the nearest right word.
    """
    known = presets()
    if preset is not None and file is not None:
        raise InputError(f"give {file} or --preset {preset}, not both")
    if preset is not None:
        if preset not in known:
            raise InputError(f"no preset is called {preset!r}. {nearest(preset, known)}")
        file = known[preset]
    if file is not None:
        config = declared.load(file, VlmConfig)
    elif games:
        config = VlmConfig(rollout=RolloutConfig(levels=games))
    elif begun is not None:
        config = begun_with(begun)
    else:
        raise InputError(f"say what is played: --game GAME, a config file, or --preset: {', '.join(known)}")
    if games:
        config = replace(config, rollout=replace(config.rollout, levels=games))
    config = declared.changed(config, tuple(settings))
    config.check()
    return config


def begun_with(out: Path) -> VlmConfig:
    """The config of the training in `out`, as it last went on. RecordError for one that does not say every setting."""
    head = read_head(out)
    every = head["config"] | head[OTHERS]
    if lacks := lacking(every, VlmConfig):
        part = OTHERS if lacks.partition(".")[0] in FREE else "config"
        raise damaged(out / HEAD, f"it lacks {part}.{lacks}")
    return declared.of_fields(every, VlmConfig, str(out / HEAD))
