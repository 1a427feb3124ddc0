"""The picture of a maze: walls, a ball where one is, a flag at the goal."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from arena.game import Image as Pixels
from arena_games.maze import grid

FLOOR, WALL, SOLID = "#f4f1e6", "#2b3a55", "#8e98ab"
BALL, GOAL = "#d41f30", "#138a3e"
K = 2  # drawn larger and reduced


def picture(maze: grid.Maze, at: grid.Cell, height: int, width: int) -> Pixels:
    """uint8 (height, width, 3)."""
    side = K * min(height, width)
    cell = side / (maze.size + 0.5)
    line = max(K, round(cell * 0.12))
    out = Image.new("RGB", (K * width, K * height), "#1c2434")
    pen = ImageDraw.Draw(out)
    left, top = (K * width - cell * maze.size) / 2, (K * height - cell * maze.size) / 2
    for row in range(maze.size):
        for column in range(maze.size):
            ways = maze.open((row, column))
            x, y = left + column * cell, top + row * cell
            pen.rectangle((x, y, x + cell, y + cell), fill=FLOOR if ways else SOLID)
    for row in range(maze.size):
        for column in range(maze.size):
            ways = maze.open((row, column))
            x, y = left + column * cell, top + row * cell
            edges = (
                (x, y, x + cell, y),
                (x + cell, y, x + cell, y + cell),
                (x, y + cell, x + cell, y + cell),
                (x, y, x, y + cell),
            )
            for direction, edge in enumerate(edges):
                if direction not in ways:
                    pen.line(edge, fill=WALL, width=line)
    for (row, column), colour, round_ in ((maze.way[-1], GOAL, False), (at, BALL, True)):
        x, y, part = left + (column + 0.5) * cell, top + (row + 0.5) * cell, 0.27 * cell
        box = (x - part, y - part, x + part, y + part)
        (pen.ellipse if round_ else pen.rectangle)(box, fill=colour)
    return np.array(out.resize((width, height), Image.Resampling.BOX))
