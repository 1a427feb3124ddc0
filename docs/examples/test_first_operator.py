from first_operator import KIND

from arena.testing import OperatorSuite


class TestParrot(OperatorSuite):
    kind = KIND
