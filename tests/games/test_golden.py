"""Every installed game has golden playthroughs and still plays them."""

from functools import cache

import pytest

from arena import plugins
from arena.testing import golden

GAMES = golden.installed_games()


@cache
def mismatches(name):
    """All of them: the matches are played once for both tests."""
    return tuple(golden.check(plugins.game_class(name)))


@pytest.mark.parametrize("name", GAMES)
def test_rules_and_views_are_as_they_were(name):
    found = [str(mismatch) for mismatch in mismatches(name) if mismatch.kind != "pictures"]
    assert not found, "raise the game's version and run: python -m arena.testing.golden " + name


@pytest.mark.parametrize("name", GAMES)
def test_pictures_are_as_they_were(name):
    found = [str(mismatch) for mismatch in mismatches(name) if mismatch.kind == "pictures"]
    assert not found, "only pictures differ (another Pillow?); if meant, run: python -m arena.testing.golden " + name
