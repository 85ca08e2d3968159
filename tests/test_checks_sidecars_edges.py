"""Agents beside members at the edges: to the very second, who is shown, what is not recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from seatrial import checks
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import Story
from seatrial.testing.beside import (
    AGENT,
    HANG,
    KILL,
    begun,
    ended,
    loses,
    numbered,
    serving,
    told,
    unasked,
    waiting,
)
from seatrial.testing.hanging import collected
from seatrial.testing.story import SET

SIDECAR = "availability.sidecar"


def verdict(of: Story | History) -> Verdict:
    whole = of.history() if isinstance(of, Story) else of
    return checks.CHECKS[SIDECAR].check(whole)


def snapped(run: Story) -> History:
    """Let everything have happened at a full quarter of a second, in the same order."""
    ops = run.history().ops
    return numbered(
        replace(op, invoked=round(op.invoked * 4) / 4, completed=round(op.completed * 4) / 4)
        for op in ops
    )


def claiming(of: History, **bounds: float) -> History:
    profile = {**of.head["profile"], "bounds": {SIDECAR: {"pause": 99, "within": 99, **bounds}}}
    return History((replace(of.ops[0], value={**of.head, "profile": profile}), *of.ops[1:]))


def staged(of: History, name: str) -> Op:
    return next(op for op in of.ops if op.value.get("stage") == name)


def altered(of: History, pick: Callable[[Op], bool], **value: Any) -> History:
    return numbered(replace(op, value={**op.value, **value}) if pick(op) else op for op in of.ops)


def at(index: int, op: Op) -> bool:
    return op.index == index


def lacking(of: History, pick: Callable[[Op], bool], key: str) -> History:
    def less(op: Op) -> Op:
        return replace(op, value={name: one for name, one in op.value.items() if name != key})

    return numbered(less(op) if pick(op) else op for op in of.ops)


def mine(op: Op) -> bool:
    return op.what == "pod" and op.value["name"] == f"{SET}-1"


def writing(*told: tuple[float, float, float, Outcome], healed: float = 4.0) -> History:
    """Tell of an agent that stands still for `healed` seconds, and all that its member was sent.

    Each write: from when to when, in seconds since the receipt, its clock's error, its outcome.
    """
    run = snapped(begun_and_lost())
    start = staged(run, "receipt").completed
    end = staged(run, "healed")
    template = next(op for op in run.of("write") if op.value["member"] == 1)
    ops = [op for op in run.ops if op.what != "write" or op.value["member"] != 1]
    ops = [
        replace(op, invoked=start + healed, completed=start + healed) if op is end else op
        for op in ops
    ]
    at = ops.index(next(op for op in ops if op.value.get("stage") == "healed"))
    ops[at:at] = [
        replace(template, outcome=how, invoked=start + a, completed=start + b, error=error)
        for a, b, error, how in told
    ]
    return numbered(ops)


def begun_and_lost() -> Story:
    run = begun(HANG)
    loses(run, 1, fault=HANG, away=4, meanwhile=unasked, noticed=False)
    return ended(run)


OK, INFO = Outcome.OK, Outcome.INFO
UNSENT = "member 1 acknowledged nothing that was sent while its agent was away"


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ((0, 1, 0, OK), True),
        ((3, 4, 0, OK), True),
        ((-0.25, 1, 0, OK), False),
        ((3, 4.25, 0, OK), False),
        ((0.5, 3.5, 0.5, OK), True),
        ((0.25, 3, 0.5, OK), False),
        ((1, 3.75, 0.5, OK), False),
    ],
)
def test_a_write_shows_something_that_was_surely_sent_and_answered_while_the_agent_was_away(
    sent, shown
):
    assert (verdict(writing(sent)).reason == UNSENT) is not shown


@pytest.mark.parametrize(
    ("first", "pause"),
    [
        ((-1, 0, 0, INFO), 0.5),
        ((-1, 0.25, 0, INFO), 3.5),
        ((-1, 0.5, 0.5, INFO), 0.5),
        ((-1, 0.75, 0.5, INFO), 3.5),
    ],
)
def test_who_had_given_up_when_the_agent_was_lost_waited_for_nothing(first, pause):
    assert verdict(writing(first, (3, 3.5, 0, OK))).figures["pause"] == pause


@pytest.mark.parametrize(("later", "pause"), [(0, 1.0), (0.25, 0.5)])
def test_a_wait_that_begins_just_as_the_agent_is_back_is_its_loss(later, pause):
    run = writing((1, 1.5, 0, OK), (4 + later, 5, 0, INFO))
    assert verdict(run).figures["pause"] == pause


@pytest.mark.parametrize(("later", "pause"), [(0, 6.0), (0.25, 2.0)])
def test_an_answer_counts_that_was_asked_for_before_anything_else_began(later, pause):
    run = writing((1, 3, 0, INFO))
    start, final = staged(run, "receipt").completed, run.ops[-1]
    template = next(op for op in run.of("write") if op.value["member"] == 1)
    phase = next(op for op in run.of("phase") if op.value["name"] == "final")
    ops = [
        replace(op, invoked=start + 5, completed=start + 5) if op is phase else op for op in run.ops
    ]
    late = replace(template, outcome=OK, invoked=start + 5 + later, completed=start + 7)
    assert verdict(numbered([*ops, late, final])).figures["pause"] == pause


def test_as_long_as_is_claimed_may_a_client_wait_and_a_pod_not_be_ready():
    run = snapped(told(HANG, away=12, unready=9, meanwhile=waiting))
    figures = verdict(claiming(run)).figures
    for bound, figure in (("pause", "pause"), ("within", "unready")):
        assert figures[figure] > 8
        assert verdict(claiming(run, **{bound: figures[figure]})).verdict is Standing.HOLDS
        less = verdict(claiming(run, **{bound: figures[figure] - 0.25}))
        assert less.verdict is Standing.BROKEN


def test_as_long_as_is_claimed_may_nobody_write():
    run = writing((0.5, 1, 0, OK), (2, 2.5, 0, OK), (2.25, 2.25, 0, OK))
    for pause, silent in ((1.5, False), (1.25, True)):
        found = verdict(claiming(run, pause=pause))
        reason = "nobody wrote to member 1 for 1.5 s while its agent was away"
        assert (found.reason == reason) is silent, found.reason
    run = writing(*((at / 2, at / 2 + 0.25, 0, OK) for at in range(8)))
    assert verdict(claiming(run, pause=0.75)).verdict is Standing.HOLDS
    run = writing((0.25, 1, 0, OK), (3, 3.25, 0, OK))
    assert "for 2.0 s" in verdict(claiming(run, pause=1.75)).reason
    run = writing((3, 3.25, 0, OK))
    assert "for 3.0 s" in verdict(claiming(run, pause=1)).reason
    run = writing((0, 0.5, 0, OK), (0.5, 3.5, 0, OK))
    assert verdict(claiming(run, pause=3)).verdict is Standing.HOLDS


def test_what_holds_is_told_with_all_that_was_claimed():
    found = verdict(snapped(told(unready=2, pause=4, within=20)))
    assert found.reason == (
        "in 1 losses of an agent its pod and the member's container stayed, no client waited for "
        "an acknowledgement longer than 0.0 s (4 s are claimed), and the pod was not Ready for "
        "2.0 s at most (20 s)"
    )


def kinds(run: History, found: Verdict) -> list[str]:
    ops = [run.ops[at] for at in found.evidence]
    return [op.value.get("stage") or op.what for op in ops]


def test_each_sentence_is_shown_by_the_fault_and_by_what_it_speaks_of():
    run = told(unready=2).history()
    assert kinds(run, verdict(run)) == ["receipt", "pod", "healed", "write", "write", "pod"]
    slow = told(unready=40).history()
    assert kinds(slow, verdict(slow)) == ["receipt", "pod", "pod", "healed"]
    vain = told(HANG, away=12, meanwhile=waiting).history()
    assert kinds(vain, verdict(vain)) == ["receipt", "write", "write", "healed"]
    quiet = told(HANG, away=12, meanwhile=unasked, noticed=False).history()
    assert kinds(quiet, verdict(quiet)) == ["receipt", "healed"]
    gone = altered(run, lambda op: mine(op) and op.index > staged(run, "receipt").index, uid="x")
    assert kinds(gone, verdict(gone)) == ["receipt", "pod", "healed"]
    unsure = writing((1, 3, 0.5, INFO), (4, 5, 0, OK), (0.5, 0.75, 0, OK))
    found = verdict(claiming(unsure, pause=4.25))
    assert found.reason == "member 1 may have acknowledged nothing for longer than 4.25 s"
    assert kinds(unsure, found) == ["receipt", "write", "write", "healed"]


def test_who_is_unready_again_and_again_is_told_by_the_last_time_it_was():
    run = begun(KILL)
    loses(run, 1, unready=2)
    for ready in (False, True, False):
        run.pod(1, "MODIFIED", ready=ready)
        run.waits(1)
    found = verdict(whole := ended(run).history())
    assert found.reason == "nobody saw the pod of member 1 Ready again"
    last = [op.index for op in whole.ops if mine(op)][-1]
    assert found.evidence[1] == last


def test_a_pod_that_was_not_ready_before_is_not_ready_from_when_it_was_seen_so():
    run = snapped(told(unready=3))
    figures = verdict(run).figures
    assert figures["unready"] == 3
    again = altered(
        run, lambda op: mine(op) and op.index < staged(run, "planned").index, ready=False
    )
    assert verdict(again).figures == figures


def test_what_a_member_was_right_before_the_loss_is_what_it_is_compared_with():
    run = begun(KILL)
    run.pod(1, "MODIFIED", containers={SET: "containerd://later"}, restarts_of={SET: 1, AGENT: 0})
    loses(run, 1)
    assert verdict(ended(run)).verdict is Standing.HOLDS


UNSEEN = "the container of member 1 was not seen before its agent was lost"


def test_without_a_record_of_containers_or_of_a_profile_nobody_knows_the_members_own():
    run = told().history()
    assert verdict(lacking(run, mine, "containers")).reason == UNSEEN
    profile = {name: one for name, one in run.head["profile"].items() if name != "container"}
    unnamed = altered(run, lambda op: op.what == "plan", profile=profile)
    assert verdict(unnamed).reason == UNSEEN
    unplanned = numbered(op for op in run.ops if op.what != "plan")
    assert verdict(unplanned).reason == "no receipt for the plan"


@pytest.mark.parametrize(
    ("before", "now", "standing"),
    [
        ({}, {SET: 1}, Standing.BROKEN),
        ({}, {SET: 0}, Standing.HOLDS),
        ({SET: 0}, {}, Standing.HOLDS),
        ({SET: 1}, {SET: 1}, Standing.HOLDS),
        (None, None, Standing.HOLDS),
    ],
)
def test_a_container_that_was_never_started_again_has_no_count(before, now, standing):
    run = told().history()
    mark = staged(run, "planned").index
    for at, counts in ((lambda n: n < mark, before), (lambda n: n > mark, now)):

        def picked(op: Op, at: Callable[[int], bool] = at) -> bool:
            return mine(op) and at(op.index)

        if counts is None:
            run = lacking(run, picked, "restarts_of")
        else:
            run = altered(run, picked, restarts_of=counts)
    assert verdict(run).verdict is standing


@pytest.mark.parametrize(
    ("before", "after", "back"),
    [
        (None, None, False),
        (None, 0, False),
        (None, 1, True),
        (1, None, False),
        (1, 1, False),
        (1, 2, True),
    ],
)
def test_an_agent_that_was_killed_is_back_when_its_count_has_grown(before, after, back):
    run = told().history()
    for name, count in (("receipt", before), ("healed", after)):
        proof = {k: one for k, one in staged(run, name).value["proof"].items() if k != "restarts"}
        proof |= {} if count is None else {"restarts": count}
        mark = staged(run, name).index
        run = altered(run, partial(at, mark), proof=proof)
    unseen = "nobody saw the agent of member 1 come back"
    assert (verdict(run).reason == unseen) is not back


def test_one_that_stood_still_and_was_never_seen_to_go_on_is_not_back():
    run = told(HANG).history()
    unhealed = numbered(op for op in run.ops if op.value.get("stage") != "healed")
    found = verdict(unhealed)
    assert found.reason == "nobody saw the agent of member 1 come back"
    assert kinds(unhealed, found) == ["receipt"]


def test_what_begins_right_after_the_healing_ends_what_is_seen_of_the_loss():
    run = begun(KILL)
    loses(run, 1)
    run.stage("pod-delete", 1, "planned", {"target": run.proof(1)})
    run.goes(1)
    run.comes(1)
    ops = ended(run).history().ops
    healed = next(op for op in ops if op.value.get("stage") == "healed")
    planned = next(op for op in ops if op.value.get("fault") == "pod-delete")
    closely = [op for op in ops if not healed.index < op.index < planned.index]
    assert verdict(numbered(closely)).verdict is Standing.HOLDS


def test_a_fault_that_begins_where_nobody_saw_the_healing_is_the_end_of_the_loss():
    run = begun(HANG)
    loses(run, 1, fault=HANG)
    run.stage("pod-delete", 1, "planned", {"target": run.proof(1)})
    ops = ended(run).history().ops
    unhealed = numbered(op for op in ops if op.value.get("stage") != "healed")
    found = verdict(unhealed)
    assert found.reason == "nobody saw the agent of member 1 come back"


def test_a_gap_in_the_watch_of_pods_is_told_with_its_reason():
    run = told()
    run.loses_sight("pod")
    found = verdict(whole := run.history())
    assert found.reason == "the watch of pods has a gap: 410"
    assert kinds(whole, found) == ["receipt", "healed"]


def test_a_record_that_ends_with_the_loss_shows_it_to_its_end():
    run = begun(KILL)
    loses(run, 1)
    collected(run)
    assert verdict(run).verdict is Standing.HOLDS
    run.pod(1, "MODIFIED", containers={SET: "containerd://another"})
    run.waits(1)
    run.writes(2)
    found = verdict(run)
    assert found.reason == "member 1 lost its agent, and its own container was started again"


def test_a_pod_that_was_not_ready_for_too_long_is_told_with_both_times():
    found = verdict(snapped(told(unready=3, within=2)))
    assert found.reason == (
        "the pod of member 1 was not Ready for 3.0 s after it lost its agent, and 2 s are claimed"
    )


def test_a_pod_is_not_ready_from_the_first_word_of_it_to_the_first_that_it_is_again():
    run = begun(KILL)
    loses(run, 1)
    for ready in (True, False, False, True, True):
        run.pod(1, "MODIFIED", ready=ready)
        run.waits(3)
    assert verdict(ended(run)).figures["unready"] == 6
    run = begun(KILL)
    loses(run, 1)
    run.pod(1, "MODIFIED", ready=False)
    run.waits(7)
    assert verdict(ended(run)).figures["unready"] == 7


@pytest.mark.parametrize("fault", [KILL, HANG])
def test_a_loss_that_was_planned_and_never_came_is_named(fault):
    run = begun(KILL, HANG)
    loses(run, 1, fault=KILL if fault == HANG else HANG)
    assert verdict(ended(run)).reason == f"no receipt for {fault} of ordinal 1"


def test_another_fault_is_named_and_shown_between_receipt_and_healing():
    def hit(run: Story, ordinal: int, seconds: float) -> None:
        serving(run, ordinal, seconds)
        run.stage("process-kill", 2, "planned", {"target": run.proof(2)})

    run = told(HANG, meanwhile=hit).history()
    found = verdict(run)
    assert found.reason == "process-kill of ordinal 2 began before the agent of member 1 was back"
    assert kinds(run, found) == ["receipt", "planned", "healed"]


def test_a_run_without_a_loss_has_figures_of_nought():
    run = Story()
    run.deploys()
    nought = {"away": 0.0, "pause": 0.0, "unready": 0.0}
    assert verdict(run).figures == {"losses": 0, "noticed": 0, **nought}


def test_seconds_are_told_to_three_places_the_longest_of_each():
    run = begun(KILL, HANG)
    loses(run, 1, fault=HANG, away=3.23456, unready=1, meanwhile=unasked)
    loses(run, 1, away=2, unready=2)
    figures = verdict(ended(run)).figures
    for name in ("away", "pause", "unready"):
        assert figures[name] == round(figures[name], 3)
    assert figures["away"] == pytest.approx(4.0, abs=0.3)
    assert figures["unready"] == pytest.approx(2.0, abs=0.1)
