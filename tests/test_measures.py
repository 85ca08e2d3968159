"""The answer to a query: within its bounds, out of them, or nothing that says anything."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks.measures import Bounds, answered, widest
from seatrial.model import Outcome


def vector(*values: str, **labels: str) -> list[dict[str, Any]]:
    return [
        {"metric": {"member": str(n), **labels}, "value": [5.0, v]} for n, v in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("result", "bounds", "outcome", "note"),
    [
        (vector("3", "4"), Bounds(at_least=3), Outcome.OK, ""),
        (vector("3", "4"), Bounds(at_least=4), Outcome.FAIL, '{member="0"} = 3 is below 4'),
        (vector("3", "4"), Bounds(at_most=3), Outcome.FAIL, '{member="1"} = 4 is above 3'),
        ([5.0, "3"], Bounds(3, 3), Outcome.OK, ""),
        ([], Bounds(at_least=0), Outcome.INFO, "no data"),
        (vector("NaN", "4"), Bounds(at_most=9), Outcome.INFO, "NaN"),
        (vector("+Inf"), Bounds(at_least=1), Outcome.INFO, "infinite"),
        ([{"metric": {}, "values": [[1, "2"]]}], Bounds(at_least=1), Outcome.INFO, "no vector"),
        ([5.0, "a string"], Bounds(at_least=1), Outcome.INFO, "no number"),
        (None, Bounds(at_least=1), Outcome.INFO, "no vector"),
        ({"error": "x"}, Bounds(at_least=1), Outcome.INFO, "no vector"),
        (7, Bounds(at_least=1), Outcome.INFO, "no vector"),
    ],
)  # fmt: skip
def test_an_answer_is_within_its_bounds_or_not_or_says_nothing(result, bounds, outcome, note):
    found = answered(result, bounds)
    assert found.outcome is outcome
    assert note in found.note
    assert bool(found.note) is (outcome is not Outcome.OK)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(JSON)
def test_whatever_is_answered_it_is_no_success_without_a_number_in_bounds(result):
    found = answered(result, Bounds(at_least=0))
    assert found.outcome is not Outcome.OK or all(value >= 0 for _, value in found.values)
    assert found.outcome is not Outcome.OK or found.values


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=5))
def test_one_value_out_of_bounds_or_without_a_number_is_enough(values):
    found = answered(vector(*map(str, values)), Bounds(-1, 1))
    assert (found.outcome is Outcome.OK) is all(-1 <= value <= 1 for value in values)


def test_a_series_is_called_as_prometheus_writes_it():
    (found,) = answered(vector("1", __name__="up", job="m"), Bounds(0)).values
    assert found == ('up{job="m", member="0"}', 1.0)


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("up", 0),
        ("rate(x[10s])", 10),
        ("rate(x[1m30s]) / rate(y[ 2m ])", 120),
        ("max_over_time(rate(x[5s])[1m:1s])", 60),
        ('x{label="[9h"}', 0),
        ("rate(x[500ms])", 0.5),
    ],
)
def test_how_far_a_query_looks_back_is_its_longest_range(query, seconds):
    assert widest(query) == seconds
