"""The conformance suite of operators. An operator is tested in five lines:

    from arena.testing import OperatorSuite
    from parrot import KIND

    class TestParrot(OperatorSuite):
        kind = KIND

or by its name, `name = "ppo:model.zip"`, as on the command line; `arena check operator NAME` runs the same suite. It
sits in every seat of the `games`, in this process and in a worker of its own, and is asked in many ways that must make
no difference: together, one by one, backwards, under other numbers, again after a void try. Class attributes say how
much. The first line of a test's docstring is the property, and what follows "Repair:" is what to do when it does not
hold. What only holds for operators that call themselves deterministic is not tested for others, and the report says so.
"""

from __future__ import annotations

from arena.testing.deciding import Deciding
from arena.testing.described import Described
from arena.testing.wired import Wired


class OperatorSuite(Wired, Deciding, Described):
    """Tests that every operator passes. Set `kind` or `name`; `OperatorHooks` says what else can be set."""
