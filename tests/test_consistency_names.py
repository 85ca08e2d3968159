"""Codes of keys and values: which stand for what, and how they are brought together."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks.consistency import judge_register, of_rows, register, zones
from seatrial.checks.consistency.names import LEAST, NOTHING, Names, close, short
from seatrial.checks.consistency.zones import blocks
from seatrial.errors import BadHistory
from seatrial.model import Standing

MOST = 2**63 - 1
SMALL = st.integers(0, 5) | st.integers(NOTHING, NOTHING + 5)
CODES = SMALL | st.integers(LEAST, MOST)


def ints(*codes: int) -> np.ndarray:
    return np.array(codes, np.int64)


def test_names_come_first_and_integers_right_after_them():
    for codes, near in [
        ((5, 9, 5), [0, 4, 0]),
        ((NOTHING, NOTHING + 2), [0, 2]),
        ((NOTHING + 1, 10, 12), [1, 2, 4]),
        ((LEAST, NOTHING), [1, 0]),
    ]:
        assert close(ints(*codes)).tolist() == near


def test_codes_are_as_short_as_they_can_be():
    for codes, near, kind in [
        ((7, 9), [0, 2], np.int16),
        ((1, 2**15), [0, 2**15 - 1], np.int16),
        ((0, 2**15), [0, 2**15], np.int64),
        ((NOTHING + 2, NOTHING), [2, 0], np.int16),
        ((NOTHING, 0, 2**15 - 2), [0, 1, 2**15 - 1], np.int16),
        ((NOTHING, 0, 2**15 - 1), [0, 1, 2**15], np.int64),
        ((LEAST, MOST - 2**62), [0, 2**63 - 1], np.int64),
    ]:
        found = short(ints(*codes))
        assert found.tolist() == near
        assert found.dtype == np.dtype(kind)


@given(st.lists(CODES, min_size=1, max_size=9))
def test_codes_that_are_brought_together_are_equal_where_they_were(codes):
    for bring in (close, short):
        pairs = set(zip(codes, bring(ints(*codes)).tolist(), strict=True))
        assert len(pairs) == len({code for code, _ in pairs}) == len({near for _, near in pairs})
        assert min(near for _, near in pairs) >= 0


def test_an_integer_out_of_range_is_named_among_those_within():
    for strange in [2**63, LEAST - 1, 10**30]:
        with pytest.raises(BadHistory) as caught:
            Names().codes([LEAST, 7, strange, MOST])
        assert caught.value.wanted == "an integer between -2^62 and 2^63"
        assert caught.value.seen == str(strange)


def test_the_least_and_the_greatest_integer_stand_for_themselves():
    assert Names().codes([LEAST, MOST]).tolist() == [LEAST, MOST]


@given(st.lists(st.tuples(st.integers(0, 4), SMALL), min_size=1, max_size=9), st.booleans())
def test_pairs_have_equal_places_where_both_are_equal(pairs, far):
    values = [value if value < 0 or not far else value * 2**60 for _, value in pairs]
    told = sorted(zip((key for key, _ in pairs), values, strict=True))
    key, value = (ints(*column) for column in zip(*told, strict=True))
    found = zip(told, register._places(key.astype(np.int16), value).tolist(), strict=True)
    assert len(places := set(found)) == len(set(told)) == len({place for _, place in places})


def test_places_are_in_the_order_of_keys_and_values_however_far_they_reach():
    near = register._places(ints(0, 0, 1), ints(3, 9, 3))
    far = register._places(ints(0, 0, 1, 1), ints(0, 2**62, 0, 2**62))
    wide = register._places(ints(2**62, 2**62 + 2**61), ints(7, 0))
    for places in (near, far, wide):
        assert places.tolist() == sorted({*places.tolist()})


# --- blocks: what is looked at together


def test_a_block_ends_where_the_key_does_that_fills_it(monkeypatch):
    monkeypatch.setattr(zones, "_BLOCK", 3)
    found = blocks(ints(0, 0, 1, 1, 1, 2, 3, 3, 3, 3, 4))
    assert found == [slice(0, 5), slice(5, 6), slice(6, 10), slice(10, 11)]
    monkeypatch.setattr(zones, "_BLOCK", 4)
    assert blocks(np.arange(20) // 2) == [slice(n, n + 4) for n in range(0, 20, 4)]


@pytest.mark.parametrize("key", [(), (4,), (4,) * 9])
def test_what_is_of_one_key_is_one_block(monkeypatch, key):
    monkeypatch.setattr(zones, "_BLOCK", 2)
    assert blocks(ints(*key)) == [slice(0, len(key))]


@st.composite
def registers(draw):
    """Draw writes of one value each and reads of any, by a process each: good ones and bad."""
    rows = []
    for key in range(draw(st.integers(1, 4))):
        for place in range(draw(st.integers(1, 4))):
            kind = draw(st.sampled_from(["write", "read"]))
            value = 10 * key + place if kind == "write" else 10 * key + draw(st.integers(0, 3))
            begin = draw(st.integers(0, 9))
            end = begin + draw(st.integers(0, 5))
            rows.append((f"{key}/{place}", kind, key, value, begin, end, "ok"))
    return rows


@given(registers(), st.integers(1, 4))
def test_what_is_looked_at_in_blocks_is_judged_as_if_it_were_one(rows, size):
    told = of_rows(rows)
    whole = judge_register(told)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zones, "_BLOCK", size)
        assert judge_register(told) == whole


def test_each_pair_of_neighbours_is_a_block_of_its_own_where_keys_are(monkeypatch):
    monkeypatch.setattr(zones, "_BLOCK", 1)
    cuts = [0, *itertools.accumulate([2, 1, 3])]
    expected = [slice(*pair) for pair in itertools.pairwise(cuts)]
    assert blocks(ints(7, 7, 8, 9, 9, 9)) == expected


def test_integers_farther_apart_than_64_bits_tell_are_told_apart():
    rows = [
        ("a", "write", 0, LEAST, 0, 1, "ok"),
        ("a", "read", 0, LEAST, 2, 3, "ok"),
        ("b", "write", 2**62 + 1, MOST, 0, 1, "ok"),
        ("b", "read", 2**62 + 1, MOST, 2, 3, "ok"),
    ]
    assert judge_register(of_rows(rows)).standing is Standing.HOLDS
    assert close(ints(LEAST, MOST, NOTHING)).tolist() == [1, 2, 0]


@pytest.mark.parametrize(
    ("low", "near"), [(1, [0, 1, 2]), (2, [1, 2, MOST]), (3, [1, 2, MOST - 1])]
)
def test_names_count_where_integers_lie_as_far_apart_as_64_bits_tell(low, near):
    """Far apart they are numbered one by one, so that the only name is the first."""
    assert close(ints(NOTHING + 1, low, MOST)).tolist() == near
