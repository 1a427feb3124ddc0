"""The three families as plugins. Importing this module imports none of the libraries behind them."""

from arena.game import GameFamily

OPENSPIEL = GameFamily(
    name="openspiel",
    summary="Over 100 board, card and matrix games of OpenSpiel",
    what="NAME or 'NAME(parameter=value,...)', as pyspiel.load_game takes it",
    make="arena_games.adapters.openspiel:make",
    examples=(
        "openspiel:tic_tac_toe",
        "openspiel:hanabi",
        "openspiel:go(board_size=9)",
        "openspiel:kuhn_poker(players=3)",
    ),
    requires=("pyspiel",),
    foreign=True,
)

PETTINGZOO = GameFamily(
    name="pettingzoo",
    summary="Multi-agent environments of PettingZoo, AEC or Parallel, with discrete actions",
    what="MODULE or 'MODULE(argument=value,...)': of pettingzoo.classic, or package.module of any that is installed",
    make="arena_games.adapters.zoo:make",
    examples=(
        "pettingzoo:chess_v6",
        "pettingzoo:tictactoe_v3",
        "pettingzoo:hanabi_v5(players=3)",
        "pettingzoo:pettingzoo.classic.rps_v2",
    ),
    requires=("pettingzoo", "rlcard", "pygame", "chess", "shimmy"),
    extra="adapters",
    licence="MIT",
    foreign=True,
)

GYMNASIUM = GameFamily(
    name="gymnasium",
    summary="Single-agent environments of Gymnasium with discrete actions: every seat plays its own copy (a lane)",
    what="ID or 'ID(argument=value,...)', as gymnasium.make takes it; package.module:ID imports the module first",
    make="arena_games.adapters.gym:make",
    examples=("gymnasium:CartPole-v1", "gymnasium:Taxi-v4", "gymnasium:FrozenLake-v1(map_name=8x8)"),
    requires=("gymnasium", "pygame"),
    extra="adapters",
    licence="MIT",
    foreign=True,
)
