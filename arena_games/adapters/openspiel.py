"""`openspiel:NAME(params)` as a class: what is refused, what is declared by the engine, what is probed."""

from __future__ import annotations

import functools

import pyspiel

from arena.errors import nearest
from arena.game import Discrete, Game, GameSpec
from arena.names import Name
from arena_games.adapters import calls, probe
from arena_games.adapters.base import family, index_of
from arena_games.adapters.spiel_game import Resampling, SpielAdapter
from arena_games.adapters.spiel_names import names

MOST_ACTIONS = 20_000  # a GameCard with more names would be too large to send
RAISED = (RuntimeError, TypeError, ValueError, LookupError)  # as the engine's binding raises what it will not do
FEN = ("chess",)  # games whose observation string is a FEN
# Games whose engine can redeal what a player does not know. Asking the others would print the engine's error;
# bridge is left out because it takes seconds for every deal.
RESAMPLE = ("bargaining", "blackjack", "euchre", "gin_rummy", "hearts", "kuhn_poker", "leduc_poker", "universal_poker")


@functools.cache
def make(what: str) -> type[Game]:
    """The game that `what` names. ValueError says why it cannot be."""
    engine = _load(what)
    kind = engine.get_type()
    _refuse(engine)
    _start(engine)
    actions = names(engine)
    spec = GameSpec(
        id=Name("openspiel", what).base,
        version=1,
        summary=f"{kind.long_name} (OpenSpiel)",
        seats=(engine.num_players(), engine.num_players()),
        actions=Discrete(actions),
        horizon=engine.max_game_length(),
        unit="points",
        vector_shape=_vector(engine),
        text=True,
        simultaneous=kind.dynamics == pyspiel.GameType.Dynamics.SIMULTANEOUS,
        perfect_information=kind.information == pyspiel.GameType.Information.PERFECT_INFORMATION,
        on_fault="forfeit",
        seeded=kind.chance_mode != pyspiel.GameType.ChanceMode.DETERMINISTIC,
    )
    given = {"spec": spec, "engine": engine, "index": index_of(actions), "rules": _rules(engine)}
    given["fen"] = kind.short_name in FEN
    cls = family(SpielAdapter, "OpenSpielGame", **given)
    if spec.seeded and not probe.seed_acts(cls(spec.seats[0])):
        given["spec"] = probe.replaced(spec, seeded=False)
        cls = family(SpielAdapter, "OpenSpielGame", **given)
    if kind.short_name in RESAMPLE and not _crashes(engine) and probe.resamples(cls(spec.seats[0])):
        cls = family(Resampling, "OpenSpielGame", **given)
    return cls


def _load(what: str) -> pyspiel.Game:
    name = what.partition("(")[0].strip()
    known = pyspiel.registered_names()
    if name not in known:  # the engine's own error lists all of them and prints itself
        raise ValueError(f"OpenSpiel has no game {name!r}. {nearest(name, known)}")
    given = calls.parse(what)[1]
    kind = next(one for one in pyspiel.registered_games() if one.short_name == name)
    declared = kind.parameter_specification
    for parameter in given:
        if parameter not in declared:
            hint = nearest(parameter, declared) if declared else "It has no parameters."
            raise ValueError(f"{name} has no parameter {parameter!r}. {hint}")
    if not given and not kind.default_loadable:
        raise ValueError(f"{name} needs parameters, as in {name}(parameter=value); it takes: {', '.join(declared)}")
    try:
        return pyspiel.load_game(what)
    except RAISED as error:
        raise ValueError(f"OpenSpiel cannot load it: {str(error).strip()[:300]}") from error


def _start(engine: pyspiel.Game) -> None:
    """Make the first state: some parameters are only checked there."""
    try:
        engine.new_initial_state()
    except RAISED as error:
        raise ValueError(f"OpenSpiel cannot start it: {str(error).strip()[:300]}") from error


def _refuse(engine: pyspiel.Game) -> None:
    """Raises ValueError for a kind of game that the arena cannot play fairly."""
    kind = engine.get_type()
    if kind.dynamics == pyspiel.GameType.Dynamics.MEAN_FIELD:
        raise ValueError("it is a mean field game: it has a population instead of players, so nobody can take a seat")
    if kind.chance_mode == pyspiel.GameType.ChanceMode.SAMPLED_STOCHASTIC:
        raise ValueError("the engine draws its chance by itself (sampled stochastic), so a seed could not repeat it")
    if kind.action_structs_only:
        raise ValueError("its actions are structures without numbers; the arena's actions are a fixed list")
    if engine.num_distinct_actions() > MOST_ACTIONS:
        raise ValueError(f"it has {engine.num_distinct_actions()} actions; the arena takes at most {MOST_ACTIONS}")


def _crashes(engine: pyspiel.Game) -> bool:
    """Whether redealing hidden cards crashes the process (a segmentation fault of OpenSpiel 2.0.2 from three seats)."""
    return str(engine.get_type().short_name) == "universal_poker" and int(engine.num_players()) > 2


def _vector(engine: pyspiel.Game) -> tuple[int, ...] | None:
    kind = SpielAdapter.tensor_of(engine)
    if not kind:
        return None
    size = engine.observation_tensor_size() if kind == "observation" else engine.information_state_tensor_size()
    return (int(size),) if size else None


def _rules(engine: pyspiel.Game) -> str:
    kind = engine.get_type()
    players = engine.num_players()
    utility = {
        pyspiel.GameType.Utility.ZERO_SUM: "What one player wins, the others lose.",
        pyspiel.GameType.Utility.CONSTANT_SUM: "All points together are always the same.",
        pyspiel.GameType.Utility.IDENTICAL: "All players get the same points: play together.",
    }.get(kind.utility, "Each player collects points of their own.")
    moves = "All players choose at the same time." if "SIMULT" in str(kind.dynamics) else "One player acts at a time."
    open_ = kind.information == pyspiel.GameType.Information.PERFECT_INFORMATION
    sees = "Everybody sees everything." if open_ else "Players know different things."
    parts = [
        f"{kind.long_name}, {players} player{'s' * (players > 1)} (seat 0 is player 0 of the engine, and so on).",
        f"{moves} {sees} {utility}",
        f"A match counts {engine.min_utility():g} to {engine.max_utility():g} points.",
        "An answer that is no legal action loses the match.",
        f"OpenSpiel's name of the game with all its parameters: {engine}",
    ]
    return "\n".join(parts)
