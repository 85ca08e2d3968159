"""The search for any model, on histories with one planted defect each, and its budget."""

from __future__ import annotations

import doctest
import importlib
import math
import pkgutil
from itertools import count
from typing import Any

import pytest

from seatrial.checks import consistency
from seatrial.checks.consistency import (
    Budget,
    Counter,
    Model,
    Operation,
    Queue,
    Register,
    Set,
    judge_model,
)
from seatrial.model import Standing

HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN
MODELS: dict[str, Model] = {
    "register": Register(), "counter": Counter(), "queue": Queue(), "set": Set(),
}  # fmt: skip


def one_by_one(*asked: tuple, key: str = "x") -> list[Operation]:
    """Give operations that never overlap."""
    return [
        Operation(f, value, result, 2 * place, 2 * place + 1, key, 0, place)
        for place, (f, value, result) in enumerate(asked)
    ]


def opened(f: str, value: object, at: float = 0) -> Operation:
    return Operation(f, value, None, at, key="x", row=99)


GOOD: dict[str, list[tuple[Any, ...]]] = {
    "register": [("write", 1, None), ("cas", [1, 2], True), ("cas", [1, 3], False),
                 ("read", None, 2)],
    "counter": [("add", 2, None), ("add", 3, None), ("read", None, 5)],
    "queue": [("dequeue", None, None), ("enqueue", 1, None), ("enqueue", 2, None),
              ("dequeue", None, 1), ("dequeue", None, 2)],
    "set": [("add", 1, None), ("add", 2, None), ("remove", 1, None), ("read", None, [2])],
}  # fmt: skip
BAD: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "a cas that compared with what was not there": ("register", [
        ("write", 1, None), ("cas", [2, 3], True)]),
    "a cas that was refused though it compared equal": ("register", [
        ("write", 1, None), ("cas", [1, 3], False)]),
    "two cas that both found the same value": ("register", [
        ("write", 1, None), ("cas", [1, 2], True), ("cas", [1, 3], True)]),
    "a count that misses one": ("counter", [("add", 2, None), ("add", 3, None), ("read", None, 2)]),
    "an element that leaves twice": ("queue", [
        ("enqueue", 1, None), ("dequeue", None, 1), ("dequeue", None, 1)]),
    "an element that overtakes another": ("queue", [
        ("enqueue", 1, None), ("enqueue", 2, None), ("dequeue", None, 2)]),
    "a queue that is empty though it is not": ("queue", [
        ("enqueue", 1, None), ("dequeue", None, None)]),
    "an element that is lost": ("set", [("add", 1, None), ("add", 2, None), ("read", None, [2])]),
    "an element that is there twice": ("set", [("add", 1, None), ("read", None, [1, 1])]),
    "an element that comes back": ("set", [
        ("add", 1, None), ("remove", 1, None), ("read", None, [1])]),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_what_one_order_explains_holds(name):
    assert judge_model(one_by_one(*GOOD[name]), MODELS[name]).standing is HOLDS


@pytest.mark.parametrize("name", BAD)
def test_a_planted_defect_is_broken_and_shown_by_what_cannot_come_next(name):
    model, asked = BAD[name]
    found = judge_model(one_by_one(*asked), MODELS[model])
    assert found.standing is BROKEN
    assert found.shown == (len(asked) - 1, len(asked) - 2)


@pytest.mark.parametrize("name", BAD)
def test_a_defect_of_one_key_is_found_beside_another_key(name):
    model, asked = BAD[name]
    told = [*one_by_one(*GOOD[model], key="y"), *one_by_one(*asked)]
    assert judge_model(told, MODELS[model]).standing is BROKEN


def test_what_is_open_may_have_happened_and_may_not():
    told = one_by_one(("write", 1, None), ("read", None, 1), ("read", None, 2))
    assert judge_model(told, Register()).standing is BROKEN
    assert judge_model([*told, opened("write", 2)], Register()).standing is HOLDS
    assert judge_model([*told, opened("cas", [1, 2])], Register()).standing is HOLDS
    assert judge_model([*told, opened("cas", [3, 2])], Register()).standing is BROKEN
    assert judge_model([*told, opened("write", 2, at=6)], Register()).standing is BROKEN


def test_an_open_dequeue_may_have_taken_what_nobody_got():
    told = one_by_one(("enqueue", 1, None), ("enqueue", 2, None), ("dequeue", None, 2))
    assert judge_model([*told, opened("dequeue", None)], Queue()).standing is HOLDS


def test_a_search_that_outlasts_its_states_is_unknown():
    writes = [Operation("write", n, None, 0, 9, row=n) for n in range(12)]
    told = [*writes, Operation("read", None, 99, 10, 11, row=12)]
    found = judge_model(told, Register(), Budget(states=500))
    assert found.standing is UNKNOWN
    assert "budget" in found.reason
    assert found.figures["states"] <= 501


def test_a_search_that_outlasts_its_seconds_is_unknown():
    ticks = count()
    writes = [Operation("write", n, None, 0, 9, row=n) for n in range(12)]
    told = [*writes, Operation("read", None, 99, 10, 11, row=12)]
    budget = Budget(seconds=4, clock=lambda: float(next(ticks)))
    assert judge_model(told, Register(), budget).standing is UNKNOWN


def test_what_is_broken_is_broken_though_another_key_outlasts_the_budget():
    writes = [Operation("write", n, None, 0, 9, "y", row=n) for n in range(12)]
    slow = [*writes, Operation("read", None, 99, 10, 11, "y", row=12)]
    told = [*slow, *one_by_one(("read", None, 7))]
    assert judge_model(told, Register(), Budget(states=500)).standing is BROKEN


def test_a_long_history_with_little_at_once_is_searched_in_passing():
    told = [Operation("add", 1, None, n, n + 1.5, row=n) for n in range(5000)]
    told.append(Operation("read", None, 5000, 6000, 6001, row=5000))
    found = judge_model(told, Counter())
    assert found.standing is HOLDS
    assert found.figures["states"] < 20_000


@pytest.mark.parametrize(
    ("model", "operation", "said"),
    [
        (
            Queue(),
            Operation("pop", 1, None, 0, 1),
            "an operation of a queue: one of enqueue, dequeue",
        ),
        (
            Register(),
            Operation("add", 1, None, 0, 1),
            "an operation of a register: one of read, write, cas",
        ),
        (
            Counter(),
            Operation("write", 1, None, 0, 1),
            "an operation of a counter: one of add, read",
        ),
        (Set(), Operation("pop", 1, None, 0, 1), "an operation of a set: one of add, remove, read"),
        (Counter(), Operation("add", "x", None, 0, 1), "an integer to add\nseen: 'x'"),
        (
            Register(),
            Operation("cas", 1, result=True, invoked=0, completed=1),
            "as the model knows it",
        ),
        (Register(), Operation("write", {}, None, 0, 1), "as the model knows it"),
        (Set(), Operation("read", None, 7, 0, 1), "as the model knows it"),
        (Register(), Operation("write", 1, None, 2, 1), "never goes back"),
        (Register(), Operation("write", 1, None, math.nan, 1), "never goes back"),
    ],
)
def test_what_no_model_can_judge_is_unknown_with_a_sentence(model, operation, said):
    found = judge_model([operation], model)
    assert found.standing is UNKNOWN
    assert said in found.reason


def test_a_history_without_operations_is_unknown():
    assert judge_model([], Register()).standing is UNKNOWN


MODULES = [
    consistency,
    *(
        importlib.import_module(f"{consistency.__name__}.{module.name}")
        for module in pkgutil.iter_modules(consistency.__path__)
    ),
]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_are_true(module):
    assert doctest.testmod(module).failed == 0
