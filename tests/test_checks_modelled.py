"""The models of the durability family: what is counted, and which reads and keys count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from seatrial.checks import CHECKS, judge, modelled
from seatrial.checks.catalogue.durability import _modelled
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing.agreeing import agreed

REGISTER, BANK = "durability.register", "durability.bank"
HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN


@cache
def run() -> History:
    return agreed()().history()


def verdict(of: History, guarantee: str = REGISTER) -> Verdict:
    return CHECKS[guarantee].check(of)


def asked(f: str, what: str = "register") -> list[Op]:
    return [op for op in run().of(what) if op.value["f"] == f and op.outcome is Outcome.OK]


def changed(pick: Callable[[Op], bool], **fields: Any) -> History:
    return History(tuple(replace(op, **fields) if pick(op) else op for op in run().ops))


def final(op: Op) -> bool:
    start = next(one.completed for one in run().of("phase") if one.value["name"] == "final")
    return op.what == "register" and op.value["f"] == "read" and op.invoked > start


def test_a_check_of_a_model_is_that_of_the_module_that_has_it():
    assert _modelled("register")(run()) == verdict(run())
    assert verdict(run()) == modelled.register(run())


def test_what_a_search_tried_is_counted_and_bounded(monkeypatch):
    states = verdict(run()).figures["states"]
    assert states > 0
    monkeypatch.setattr(modelled, "_STATES", 3)
    found = verdict(run())
    assert found.verdict is UNKNOWN
    assert found.reason.startswith("the search was not over within its budget")
    assert found.figures["states"] <= 4


def test_a_key_that_nobody_read_through_a_member_in_the_end_is_named():
    key = min(op.value["key"] for op in asked("write"))
    rest = [op for op in run().ops if not (final(op) and op.value["key"] == key)]
    found = verdict(History(tuple(rest)))
    assert found.reason == f"key {key} was not read through member 0 after the faults"


def test_a_key_that_nobody_changed_need_not_be_read_in_the_end():
    read = next(op for op in asked("read") if not final(op))
    alone = replace(read, value={**read.value, "key": "other", "value": None})
    failed = replace(
        read, outcome=Outcome.FAIL, value={"f": "write", "key": "more", "value": 1, "member": 0}
    )
    at = run().ops.index(read)
    for strange in (alone, failed):
        own = replace(strange, process="register/another")
        ops = [*run().ops[: at + 1], own, *run().ops[at + 1 :]]
        found = verdict(History(tuple(replace(op, index=n) for n, op in enumerate(ops))))
        assert found.verdict is HOLDS, found.reason


def test_what_a_read_that_failed_would_have_seen_is_no_breach():
    key = asked("cas")[0].value["key"]
    read = next(op for op in asked("read") if op.value["key"] == key)
    value = {**read.value, "value": "9.9"}
    failed = changed(lambda op: op is read, outcome=Outcome.FAIL, value=value)
    assert verdict(failed).verdict is HOLDS
    assert verdict(changed(lambda op: op is read, value=value)).verdict is BROKEN


def test_a_bank_has_the_accounts_with_which_it_was_opened():
    read = asked("read", "bank")[-1]
    held = dict(read.value["balances"])
    gone = held.pop(next(iter(held)))
    held[next(iter(held))] += gone
    less = changed(lambda op: op is read, value={**read.value, "balances": held})
    found = verdict(less, BANK)
    assert found.verdict is BROKEN
    assert found.reason.startswith("missing-account")


def test_how_long_clients_went_on_is_told_to_a_millisecond():
    last = max(run().of("register"), key=lambda op: op.completed)
    later = changed(lambda op: op is last, completed=last.completed + 0.12345)
    seconds = verdict(later).figures["seconds"]
    assert seconds == round(seconds, 3)
    assert seconds != verdict(run()).figures["seconds"]


def test_what_does_not_say_through_whom_it_went_is_not_judged():
    one = next(iter(run().of("session")))
    value = {key: cell for key, cell in one.value.items() if key != "member"}
    (found,) = judge(changed(lambda op: op is one, value=value), [CHECKS["durability.session"]])
    assert found.verdict is UNKNOWN
