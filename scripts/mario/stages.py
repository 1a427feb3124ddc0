"""Writes arena_games/mario/stages.json: every stage that gym-super-mario-bros registers, by our name for it.

Run it with the interpreter of the runtime `mario`, from the repository's root:
    PYTHON -m scripts.mario.stages
"""

from __future__ import annotations

import json
from pathlib import Path

from gym_super_mario_bros import all_tasks

TABLE = Path("arena_games/mario/stages.json")
PREFIX = {"smb1": "", "lost_levels": "lost-", "smb2_usa": "smb2-", "smb3": "smb3-"}


def main() -> None:
    """Write the table, in the package's order."""
    stages = {
        f"{PREFIX[task.game]}{task.world_label}-{task.stage}": task.env_id for task in all_tasks(single_stage=True)
    }
    TABLE.write_text(json.dumps(stages, indent=1) + "\n", encoding="utf-8")
    print(f"{len(stages)} stages in {TABLE}")


if __name__ == "__main__":
    main()
