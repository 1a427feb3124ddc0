"""chess_v6 in UCI: every action of the arena is one move in UCI notation, whichever side plays it.

The environment's own 4,672 actions are planes of the mover's board, turned round for black, so that one number is
another move for each side.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import chess
from pettingzoo.classic.chess import chess_utils


@functools.cache
def moves() -> tuple[str, ...]:
    """Every move that UCI can write: queen moves, knight moves and promotions; 1,968 in all."""
    out = []
    for start in chess.SQUARES:
        board = chess.BaseBoard.empty()
        ends = chess.SquareSet(chess.BB_EMPTY)
        for piece in (chess.QUEEN, chess.KNIGHT):
            board.set_piece_at(start, chess.Piece(piece, chess.WHITE))
            ends |= board.attacks(start)
        for end in ends:
            out.append(chess.Move(start, end).uci())
            ranks = (chess.square_rank(start), chess.square_rank(end))
            far = abs(chess.square_file(start) - chess.square_file(end))
            if ranks in ((6, 7), (1, 0)) and far <= 1:
                out += [chess.Move(start, end, promotion).uci() for promotion in (5, 4, 3, 2)]
    return tuple(out)


@functools.cache
def _index() -> Mapping[str, int]:
    return {move: at for at, move in enumerate(moves())}


def legal(env: Any) -> dict[int, int]:
    """The environment's action by the arena's, of every move that is legal now."""
    board: chess.Board = env.unwrapped.board
    chess_utils.legal_moves(board)  # numbers the moves as the environment does
    out = {}
    for move in board.legal_moves:
        seen = move if board.turn == chess.WHITE else chess_utils.mirror_move(move)
        out[_index()[move.uci()]] = int(chess_utils.moves_to_actions[seen.uci()])
    return out


def read(env: Any, answer: str) -> int | None:
    """Returns the legal move that `answer` names in standard algebraic notation (Nf3, exd5, O-O), else None."""
    try:
        move = env.unwrapped.board.parse_san(answer.strip())
    except ValueError:
        return None
    return _index().get(move.uci()) if move else None


def words(env: Any, given: Any, seat: int) -> dict[str, str]:
    """The board, its FEN, and the moves so far."""
    board: chess.Board = env.unwrapped.board
    rows = [f"{8 - number} {row}" for number, row in enumerate(str(board).splitlines())]
    drawn = "\n".join([*rows, "  a b c d e f g h"])
    played = " ".join(move.uci() for move in board.move_stack)
    return {
        "fen": board.fen(),
        "board": drawn,
        "moves": played,
        "side": "white" if seat == 0 else "black",
        "observation": f"You play {'white (capitals)' if seat == 0 else 'black (small letters)'}.\n"
        f"FEN: {board.fen()}\n{drawn}\nMoves so far: {played or 'none'}",
    }
