"""The answer to a query: within its bounds, out of them, or nothing that says anything."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks.measures import Bounds, Said, answered, widest
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


def test_a_series_without_a_name_or_labels_is_called_by_what_it_has():
    cases: list[Any] = [
        ({}, "value"),
        ({"__name__": "up"}, "up"),
        ({"job": "m"}, '{job="m"}'),
        ({"b": "2", "__name__": "up", "a": "1"}, 'up{a="1", b="2"}'),
    ]
    for labels, name in cases:
        found = answered([{"metric": labels, "value": [7, "3"]}], Bounds(3, 3))
        assert found == Said(Outcome.OK, "", ((name, 3.0),), 7.0)


def test_six_series_are_named_and_the_rest_are_counted():
    cases: list[Any] = [(6, ""), (7, "; and 1 more"), (9, "; and 3 more")]
    for count, rest in cases:
        names = [f'{{member="{n}"}}' for n in range(count)]
        high = answered(vector(*["4"] * count), Bounds(at_most=3.5))
        listed = "; ".join(f"{name} = 4 is above 3.5" for name in names[:6])
        assert high == Said(Outcome.FAIL, listed + rest, tuple((n, 4.0) for n in names), 5.0)
        none = answered(vector(*["-Inf"] * count), Bounds())
        listed = "; ".join(names[:6])
        note = f"no number: {listed}{rest} is NaN or infinite"
        assert none == Said(Outcome.INFO, note, tuple((n, -math.inf) for n in names), 5.0)


def test_an_answer_that_says_nothing_is_told_with_its_beginning():
    cases: list[Any] = [
        ([], "no data: the answer is empty"),
        (7, "no vector and no number: 7"),
        ("x" * 300, f"no vector and no number: {'x' * 200}"),
        ([{"value": [1, "2"]}, 7], "no vector and no number: [{'value': [1, '2']}, 7]"),
        ([7, {"value": [1, "2"]}], "no vector and no number: [7, {'value': [1, '2']}]"),
        ([1, 2, 3], "no vector and no number: [1, 2, 3]"),
    ]
    for result, note in cases:
        assert answered(result, Bounds(at_least=0)) == Said(Outcome.INFO, note)


def test_a_single_number_is_called_value_and_has_its_time():
    assert answered([5.5, "2"], Bounds(at_least=3)) == Said(
        Outcome.FAIL, "value = 2 is below 3", (("value", 2.0),), 5.5
    )


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
