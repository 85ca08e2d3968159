"""Judges of histories against a search through all orders, on random small histories.

How many: `--hypothesis-profile thorough` tries 20,000 of each.
"""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.checks.consistency import (
    Budget,
    Counter,
    Model,
    Operation,
    Queue,
    Register,
    Set,
    conflict,
    judge_model,
    of_columns,
    of_rows,
)
from seatrial.model import Standing
from seatrial.testing import orders

MODELS: dict[str, Model] = {
    "register": Register(),
    "counter": Counter(),
    "queue": Queue(),
    "set": Set(),
}
FEW = st.integers(0, 2)
ASKED = {
    "register": st.one_of(
        st.tuples(st.just("read"), st.none(), st.none() | FEW),
        st.tuples(st.just("write"), FEW, st.none()),
        st.tuples(st.just("cas"), st.tuples(st.none() | FEW, FEW), st.booleans()),
    ),
    "counter": st.one_of(
        st.tuples(st.just("add"), st.integers(1, 3), st.none()),
        st.tuples(st.just("read"), st.none(), st.integers(0, 8)),
    ),
    "queue": st.one_of(
        st.tuples(st.just("enqueue"), FEW, st.none()),
        st.tuples(st.just("dequeue"), st.none(), st.none() | FEW),
    ),
    "set": st.one_of(
        st.tuples(st.sampled_from(["add", "remove"]), FEW, st.none()),
        st.tuples(st.just("read"), st.none(), st.sets(FEW).map(sorted)),
    ),
}
SPANS = st.tuples(st.integers(0, 8), st.sampled_from([0, 1, 2, 3, 4, math.inf]))


@st.composite
def histories(draw, name):
    told = draw(st.lists(st.tuples(ASKED[name], SPANS), min_size=1, max_size=6))
    return [
        Operation(f, value, result, begin, begin + long, row=place)
        for place, ((f, value, result), (begin, long)) in enumerate(told)
    ]


@st.composite
def registers(draw):
    """Draw rows whose writes are unique: most reads are of what some row writes."""
    spans = draw(st.lists(SPANS, min_size=1, max_size=7))
    writes = [draw(st.booleans()) for _ in spans]
    written = [place for place, is_write in enumerate(writes) if is_write]
    read = st.sampled_from([None, *written, *written])
    return [
        (
            place,
            "write" if is_write else "read",
            "x",
            place if is_write else draw(read),
            begin,
            None if long == math.inf else begin + long,
            "info" if long == math.inf else "ok",
        )
        for place, (is_write, (begin, long)) in enumerate(zip(writes, spans, strict=True))
    ]


@pytest.mark.parametrize("name", MODELS)
@given(data=st.data())
def test_a_search_finds_an_order_exactly_when_there_is_one(name, data):
    told = data.draw(histories(name))
    answer, held = orders.OBJECTS[name]
    expected = Standing.HOLDS if orders.explained(told, answer, held) else Standing.BROKEN
    assert judge_model(told, MODELS[name]).standing is expected


@given(rows=registers())
def test_zones_and_a_search_and_all_orders_agree_on_registers(rows):
    told = of_rows(rows)
    expected = orders.explained(of_columns(told), *orders.OBJECTS["register"])
    assert (conflict(told) is None) == expected
    searched = judge_model(of_columns(told), Register(), Budget(100_000)).standing
    assert (searched is not Standing.BROKEN) == expected


@given(rows=registers())
def test_the_operations_that_conflict_are_not_linearizable_by_themselves(rows):
    found = conflict(of_rows(rows))
    if found:
        chosen = set(found.shown)
        values = {rows[row][3] for row in chosen}
        # Who wrote what they read belongs to them.
        needed = [row for row in rows if row[0] in chosen or (row[1], row[3] in values) == WRITTEN]
        told = of_columns(of_rows(needed))
        assert not orders.explained(told, *orders.OBJECTS["register"])


WRITTEN = ("write", True)
