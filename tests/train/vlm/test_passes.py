"""Passes hold every row once; fixed ones have one size for a length, others compute nothing twice."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena.train.vlm.passes import Row, padded, passes

LENGTHS = st.lists(st.integers(2, 300), min_size=1, max_size=40)


def rows(lengths):
    return [Row(at, np.arange(length), 1) for at, length in enumerate(lengths)]


@pytest.mark.parametrize("fixed", [True, False])
@given(lengths=LENGTHS, tokens=st.integers(1, 600))
def test_every_row_is_in_one_pass_that_has_room_for_it(fixed, lengths, tokens):
    made = list(passes(rows(lengths), tokens, fixed))
    assert sorted(row.index for one in made for row in one.rows) == list(range(len(lengths)))
    assert all(one.length == padded(lengths[row.index]) for one in made for row in one.rows)
    assert all(one.ids.shape[0] == 1 or one.ids.numel() <= tokens for one in made)


@given(lengths=LENGTHS, tokens=st.integers(1, 600))
def test_fixed_passes_of_a_length_have_one_shape(lengths, tokens):
    shapes = defaultdict(set)
    for one in passes(rows(lengths), tokens):
        shapes[one.length].add(one.ids.shape)
    assert {len(found) for found in shapes.values()} == {1}


@given(lengths=LENGTHS, tokens=st.integers(1, 600))
def test_other_passes_compute_each_row_once(lengths, tokens):
    assert sum(one.ids.shape[0] for one in passes(rows(lengths), tokens, fixed=False)) == len(lengths)
