"""A lane in words: its text view, its facts, its events, and the GameCard."""

from __future__ import annotations

from collections.abc import Mapping

from arena.game import Game, GameCard
from arena.prompts import folder
from arena_games.lanes import actions
from arena_games.lanes.lane import End, Now, Obstacles

OVER = {"flag": "cleared the level", "died": "died", "time": "ran out of time", "stuck": "got stuck"}
ANSWER = "one action, exactly as it is named"


def card(game: Game) -> GameCard:
    """The GameCard of a LaneGame."""
    from arena_games.lanes.game import DEATH, FLAG

    options = game.options
    if options["actions"] == "macro":
        frames = f"{options['skip']} frames (60 are a second)"
    else:
        frames = "15 frames if it includes jump, else 5 (60 frames are a second)"
    prompts = folder("arena_games.lanes")
    rules = prompts.pop("rules").format(
        frames=frames, flag=f"{FLAG:+g}", death=f"{DEATH:+g}", stuck=options["stuck"], horizon=options["horizon"]
    )
    name = game.spec.id.partition(":")[0]
    # The short prompt has no position, or a small model would memorise a level instead of looking; and no legal
    # actions, since every action is always legal.
    prompts["short"] = prompts["short"].replace("{game}", name)
    macro = options["actions"] == "macro"  # other decisions differ in length, so a tick has no fixed duration
    seconds = options["skip"] / actions.FRAMES_A_SECOND if macro else None
    held = {action: actions.held(buttons) for action, buttons in actions.SETS[options["actions"]].items()}
    return game.make_card(rules, ANSWER, prompts, buttons=held, seconds=seconds)


def facts(
    now: Now, obstacles: Obstacles, best: int, last: str, moved: int, rose: int, over: End | None
) -> dict[str, str]:
    """The named parts of the text view."""

    def tiles(distance: int | None) -> str:
        return "none" if distance is None else str(distance)

    return {
        "world": now.world,
        "time": str(now.time),
        "lives": str(now.lives),
        "x": str(now.x),
        "best": str(best),
        "last": last,
        "moved": f"{moved:+d}",
        "rose": f"{rose:+d}",
        "ground": "yes" if now.grounded else "no",
        "pit": tiles(obstacles.pit),
        "enemy": tiles(obstacles.enemy),
        "wall": tiles(obstacles.wall),
        "wall_height": str(obstacles.wall_height),
        "lane": OVER[over] if over else "running",
        **obstacles.more,
    }


def text(facts: Mapping[str, str]) -> str:
    """The text view."""
    where = "on the ground" if facts["ground"] == "yes" else "in the air"
    ahead = []
    if facts["pit"] != "none":
        ahead.append(f"a pit in {facts['pit']} tiles")
    if facts["enemy"] != "none":
        ahead.append(f"an enemy in {facts['enemy']} tiles")
    if facts["wall"] != "none":
        ahead.append(f"a wall {facts['wall_height']} tiles high in {facts['wall']} tiles")
    lines = [
        f"World {facts['world']}, time {facts['time']}, lives {facts['lives']}.",
        f"You are at x {facts['x']} (furthest {facts['best']}), {where}.",
        f"Last action: {facts['last']}; it moved you {facts['moved']} pixels.",
        f"Ahead: {', '.join(ahead)}." if ahead else "Ahead: nothing in sight.",
    ]
    if facts["lane"] != "running":
        lines.append(f"Your lane is over: you {facts['lane']}.")
    return "\n".join(lines)


def event(seat: int, now: Now, over: End | None, parts: Mapping[str, float]) -> str:
    """The event of a lane's decision: its position, and the raw components of its reward."""
    said = ", ".join(f"{name} {value:+g}" for name, value in parts.items() if value)
    end = f", {OVER[over]}" if over else ""
    return f"lane {seat}: x {now.x}{end}" + (f" ({said})" if said else "")


def caption(seat: int, now: Now, best: int, over: End | None) -> str:
    """The line below a lane's picture; the least important comes last, since narrow ones are cut."""
    return f"lane {seat}" + (f" {OVER[over]}" if over else "") + f"   x {now.x}   best {best}   time {now.time}"
