"""The plan of every update: its games, its pool of operators, and the line-ups that are drawn from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import msgspec
import numpy as np

from arena import names, plugins
from arena.canonical import generator, key
from arena.errors import InputError
from arena.evaluate.listed import Listing, listed
from arena.evaluate.schedules import find
from arena.game import Views
from arena.lineup import find_game, resolve
from arena.plan import Entry, Limits, Plan, PlanSpec
from arena.train import ranges
from arena.train.ranges import ABOVE_0, ANY, COUNT
from arena.train.vlm.curriculum import Curriculum, Way
from arena.train.vlm.opponents import PAST, SELF, Pool, PoolConfig, Snapshot
from arena.train.vlm.rows import Fault, Seat


@dataclass(frozen=True, kw_only=True)
class RolloutConfig:
    """What is played for every update."""

    levels: tuple[str, ...]  # games by name, of which the curriculum draws one for each group
    operator: str = "vlm"  # that is trained
    matches: int = 64  # an update; more than `concurrency` keep the model busy until near the end
    group: int = 1  # matches with the same start, line-up and seats: they differ in the operators' own chance
    concurrency: int = 64
    seats: tuple[int, ...] = ()  # those of the trained operator; (): one seat, in turn
    learn_self: bool = True  # also from the turns that the current weights take as an opponent
    pool: PoolConfig = field(default_factory=PoolConfig)  # who has the other seats
    curriculum: Way = "auto"
    vector: bool = False  # rows have the game's vector view, for a critic: no operator is shown it
    max_ticks: int | None = None  # a match that takes longer is cut: truncated
    deadline: float = 120.0  # seconds for an answer
    fault: Fault = "ends"  # a turn that was not parsed ends its episode, or "costs" reward and play goes on
    fault_reward: float = 0.0  # added to the reward of such a turn
    processes: bool | None = None  # operators in worker processes; None: where one of them starts a server
    hosts: int = 1  # processes that play games which need a runtime of their own

    def check(self) -> None:
        """InputError for numbers that make no sense, and opponents that there are not; `base_plan` checks the rest."""
        counts = dict.fromkeys(("matches", "group", "concurrency", "max_ticks", "hosts"), COUNT)
        ranges.check("rollout", self, counts | {"deadline": ABOVE_0, "fault_reward": ANY})
        self.pool.check()


class Places:
    """Who is who in the pool of the plan, by number.

    The current weights come first, once for each seat; then every slot for a snapshot and every fixed operator, each
    once for every seat but one, since nobody sits twice in one line-up.
    """

    def __init__(self, seats: int, pool: PoolConfig) -> None:
        self.seats = seats
        slots = [f"{PAST} {number}" for number in range(pool.slots)] if pool.past and seats > 1 else []
        self.others = [*slots, *(pool.fixed if seats > 1 else ())]
        self._copies = max(0, seats - 1)

    @property
    def learners(self) -> range:
        """Those that play with the current weights."""
        return range(self.seats)

    @property
    def count(self) -> int:
        """How many there are."""
        return self.seats + self._copies * len(self.others)

    def of(self, who: str, copy: int) -> int:
        """The number of a copy of `past 0`, `past 1`, ... or a fixed operator."""
        return self.seats + self._copies * self.others.index(who) + copy

    def who(self, number: int) -> str:
        """The inverse: `self`, `past 0`, ... or the name of a fixed operator."""
        return SELF if number < self.seats else self.others[(number - self.seats) // self._copies]


def base_plan(config: RolloutConfig) -> tuple[Plan, Places]:
    """The plan of every update but for its seed and line-ups. InputError for what cannot be played or learnt from."""
    if not config.levels:
        raise InputError("a rollout plays at least one game: levels=()")
    if config.matches < 1 or config.group < 1 or config.matches % config.group:
        raise InputError(
            f"matches={config.matches} an update in groups of {config.group}: expected a multiple of the group"
        )
    limits = Limits(max_ticks=config.max_ticks, deadline=config.deadline)
    games = [seated_game(name, limits) for name in config.levels]
    counts = sorted({seats for _, seats in games})
    if len(counts) > 1:
        raise InputError(f"levels have {', '.join(map(str, counts))} seats: all must have the same number")
    (seats,) = counts
    if wrong := [seat for seat in config.seats if not 0 <= seat < seats] or len({*config.seats}) < len(config.seats):
        raise InputError(f"seats={config.seats}: expected different ones of 0 to {seats - 1} ({wrong})")
    places = Places(seats, config.pool)
    operators = [config.operator] * seats
    for who in places.others:
        operators += [config.operator if who.startswith(f"{PAST} ") else who] * (seats - 1)
    spec = PlanSpec(
        games=tuple(name for name, _ in games),
        operators=tuple(operators),
        schedule=listed([Listing(0, tuple(range(seats)))]),
        limits=limits,
        mirror=False,
    )
    plan = resolve(spec)
    for game in plan.games:
        _check_operator(game.operators[0])
        if config.vector and game.facts.spec.vector_shape is None:
            raise InputError(f"vector=True: {game.given} has no vector view; the critic can see what the model does")
    apart = (replace(one, operators=_apart(one.operators, places, config.vector)) for one in plan.games)
    return replace(plan, games=tuple(apart)), places


def standing(config: RolloutConfig) -> RolloutConfig:
    """With the operator's name in full, where what it means depends on the game: what is trained is what plays.

    InputError where it means another model at each of some levels.
    """
    name = names.parse(config.operator)
    kind, what = plugins.named_operator(name, config.operator)
    if what or name.is_file:
        return config
    specs = [find_game(seated_game(level, Limits())[0], 1, Limits()).game.spec for level in config.levels]
    meant = (kind.stands_for(spec, what, name.options) for spec in specs)
    found = sorted({str(replace(name, what=one, options=dict(options))) for one, options in meant})
    if len(found) > 1:
        raise InputError(
            f"operator {config.operator!r} is {' and '.join(found)}, by level: name the one that is to be trained, "
            f"as in --set rollout.operator={found[0]}"
        )
    (operator,) = found
    return replace(config, operator=operator)


def levels_of(given: str) -> tuple[str, ...]:
    """The levels of a game, by name (Game.levels); the game itself where it has none."""
    name, _ = seated_game(given, Limits())
    named = names.parse(given)
    levels = [names.parse(level) for level in find_game(name, 1, Limits()).game.levels()]
    found = (replace(named, kind=one.kind, what=one.what, options=named.options | one.options) for one in levels)
    return tuple(map(str, found)) or (given,)


def _apart(entries: Sequence[Entry], places: Places, vector: bool) -> tuple[Entry, ...]:
    """All but the current weights in workers of their own, although some have the same name."""
    aside = Views(vector=True) if vector else None
    numbers = [0 if who == SELF else 1 + places.others.index(who) for who in map(places.who, range(places.count))]
    return tuple(
        replace(entry, apart=number, aside=aside if number == 0 else None)
        for entry, number in zip(entries, numbers, strict=True)
    )


def seated_game(given: str, limits: Limits) -> tuple[str, int]:
    """The name of a game that says its seats (without `seats=` the fewest that it takes), and their number."""
    name = names.parse(given)
    if "seats" not in name.options:
        if plugins.is_foreign(name.base):
            raise InputError(f"game {given!r} is not one of ours: say its seats, e.g. {given}@seats=2")
        fewest = plugins.game_class(name.base).spec.seats[0]
        name = replace(name, options={**name.options, "seats": str(fewest)})
    return str(name), find_game(str(name), 1, limits).game.seats


def _check_operator(entry: Entry) -> None:
    """InputError for an operator whose turns cannot be learnt from."""
    options = entry.options
    if options.get("temperature") == 0:
        raise InputError(f"operator {entry.given!r} always writes the likeliest token: training needs @temperature=1")
    if options.get("url"):
        raise InputError(
            f"operator {entry.given!r} cannot be trained: no weights are sent to a server that was started elsewhere. "
            "Leave out @url=, and the arena starts one of its own (@backend=vllm@lora=true)"
        )
    if options.get("backend") == "vllm" and not (options.get("lora") or options.get("reload")):
        raise InputError(
            f"operator {entry.given!r} cannot be given weights while it is trained: say @lora=true for an adapter, "
            "@reload=true for all weights"
        )
    for name in ("decide", "tools"):
        if options.get(name):
            raise InputError(f"operator {entry.given!r} cannot be trained with @{name}=: leave it out")
    if (shown := options.get("pictures") or "true") != "true":
        raise InputError(
            f"operator {entry.given!r} cannot be trained with @pictures={shown}: rows hold the true pictures. "
            "Leave it out, and say it where what was trained is evaluated"
        )


def seat_of(plan: Plan, game: int, config: RolloutConfig) -> Seat:
    """How the turns of the trained operator at a game become rows."""
    entry, facts = plan.games[game].operators[0], plan.games[game].facts
    return Seat(
        history=int(entry.options.get("history") or 0) if entry.options.get("history_pictures") else 0,
        pictures=entry.views.image is not None,
        vector_scale=facts.spec.vector_scale,
        fault=config.fault,
        fault_reward=config.fault_reward,
    )


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """What was drawn for an update: its matches follow from this and the weights."""

    update: int
    blocks: str  # the name of its schedule
    past: list[Snapshot] = []  # the snapshots in its slots


def drawn(places: Places, config: RolloutConfig, pool: Pool, curriculum: Curriculum, seed: int, update: int) -> Draw:
    """Draws the line-ups of an update."""
    chance = generator(key("rollout", seed, update))
    past = pool.seat(chance)
    groups = config.matches // config.group
    listings = [
        Listing(curriculum.draw(chance), _lineup(places, config, pool, past, chance, number), config.group)
        for number in range(groups)
    ]
    return Draw(update=update, blocks=listed(listings), past=past)


def plan_of(plan: Plan, draw: Draw, seed: int) -> Plan:
    """The plan of an update, of a training with this seed."""
    schedule = find(draw.blocks, plan.schedule.setting)
    number = int.from_bytes(key("train", seed, draw.update)[:7], "big")
    return replace(plan, schedule=schedule, seed=number, matches=schedule.matches)


def _lineup(
    places: Places,
    config: RolloutConfig,
    pool: Pool,
    past: Sequence[Snapshot],
    chance: np.random.Generator,
    number: int,
) -> tuple[int, ...]:
    """Who sits where in block `number`: the trained operator, and for each other seat whom the pool gives."""
    trained = config.seats or (number % places.seats,)
    out, copies = [], dict.fromkeys(places.others, 0)
    for seat in range(places.seats):
        who = SELF if seat in trained else pool.kind(chance)
        if who == PAST:
            who = f"{PAST} {int(chance.integers(len(past)))}"
        if who == SELF:
            out.append(seat)
        else:
            out.append(places.of(who, copies[who]))
            copies[who] += 1
    return tuple(out)
