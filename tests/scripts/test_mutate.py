"""scripts/mutate.py names files and tests that there are."""

from __future__ import annotations

import pytest

from scripts.mutate import ROOT, TARGETS


@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
def test_its_targets_exist(target):
    assert all(list(ROOT.glob(pattern)) for pattern in target.files)
    assert all((ROOT / test).exists() for test in target.tests)
