"""What judges point at when they do not know, and at which moment one thing becomes another."""

from __future__ import annotations

from typing import Any

from seatrial.checks import belonging, deploys, discovering, halts, leading, retention
from seatrial.checks.drifts import Drift
from seatrial.checks.findings import Finding
from seatrial.checks.intervals import Moment, Tenure, resolved
from seatrial.model import History, Op, Outcome, Standing
from seatrial.testing import Story
from seatrial.testing.peering import replicated

OK, FAIL = Outcome.OK, Outcome.FAIL
HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN
PROFILE = {"first_ordinal": 0, "replicas": 2, "set": "web", "claim_templates": ["data"]}


def op(what: str, index: int, at: float | tuple[float, float] = -1, **value: Any) -> Op:
    begin, end = at if isinstance(at, tuple) else (at, at) if at >= 0 else (index, index)
    return Op("p", what, OK, begin, end, value, index=index)


def run(*ops: Op) -> History:
    head = op("plan", 0, plan={"faults": []}, profile=PROFILE, limits={})
    return History((head, *ops))


def stage(name: str, index: int, at: float = -1, fault: str = "f", **proof: Any) -> Op:
    return op("fault", index, at, fault=fault, ordinal=0, stage=name, proof=proof)


# --- membership


def test_an_answer_counts_when_it_was_asked_for_and_given_while_all_were_there():
    receipt, healed = op("fault", 3, 10), op("fault", 9, (20, 22))
    for at, index, counts in (
        ((10, 11), 5, True),
        ((9, 11), 5, False),
        ((10, 10), 2, False),
        ((18, 20), 5, False),
        ((18, 19), 5, True),
    ):
        found = belonging._between(receipt, op("answer", index, at), healed)
        assert found is counts, at


def test_a_receipt_that_names_nobody_new_and_was_not_healed_is_shown_twice():
    receipt = stage("receipt", 3)
    assert list(belonging._judged(run(receipt), receipt, [])) == [
        Finding(UNKNOWN, "the receipt names nobody who came", (receipt,)),
        Finding(UNKNOWN, "the set was not seen scaled down again", (receipt,)),
    ]


def test_each_member_that_lists_too_many_or_too_few_is_shown_by_its_answer():
    told = op("answer", 5)
    roll = belonging.Roll(0, frozenset({0, 7}), frozenset(), told)
    assert list(belonging._held([roll], frozenset({0, 1}), frozenset({0, 1}), "now")) == [
        Finding(BROKEN, "member 0 lists 7 now, who is not there", (told,)),
        Finding(BROKEN, "member 0 does not list 1 now", (told,)),
        Finding(UNKNOWN, "member 1 did not tell its members now"),
        Finding(HOLDS, ops=(told,)),
    ]


def test_only_the_receipt_of_a_scale_up_is_judged():
    ops = [stage("receipt", 1), stage("receipt", 2, fault="scale-up", new=[{"ordinal": 2}])]
    plan = {"faults": [{"fault": "scale-up", "ordinals": [0]}]}
    head = op("plan", 0, plan=plan, profile=PROFILE, limits={})
    found = belonging.membership(History((head, *ops)))
    assert (found.reason, found.evidence) == ("the set was not seen scaled down again", (2,))


# --- deploys and discovery


def tenure(ordinal: int, *ops: Op, address: str = "a") -> Tenure:
    first = ops[0]
    since = Moment(first.completed, first.value["rv"])
    nobody: Any = {}
    return Tenure(
        ordinal, f"web-{ordinal}", f"u{first.index}", "n", address, (), (), nobody, since, None,
        certain=True, ops=ops,
    )  # fmt: skip


def pod(index: int, *, at: float = -1, event: str = "MODIFIED", **value: Any) -> Op:
    facts = {"rv": index, "event": event, "node": "", "ready": False, "deleting": False}
    return op("pod", index, at, **{**facts, **value})


def test_who_was_there_before_anybody_looked_shows_nothing_of_how_it_was_made():
    came = pod(4, ready=True)
    seen = tenure(0, pod(1, event="ADDED"), came)
    late = tenure(1, pod(2, node="worker-1"), pod(5, ready=True))
    said = "nobody saw how web-0 and web-1 were made"
    assert deploys._unasked(came, seen, late) == Finding(UNKNOWN, said)
    said = "nobody saw how web-1 and web-0 were made"
    assert deploys._unasked(came, late, seen) == Finding(UNKNOWN, said)


def test_the_times_of_a_deploy_are_told_to_a_millisecond_for_who_became_ready():
    pods = (
        tenure(0, pod(1, at=1), pod(2, at=2.12345, ready=True)),
        tenure(1, pod(3, at=3.5)),
        tenure(2, pod(4, at=4), pod(5, at=6, ready=True)),
    )
    assert deploys._times(pods) == {"seconds": [1.123, 2.0], "waited": [1.377]}
    assert deploys._times(()) == {"seconds": [], "waited": []}


def drift(story: Story, ordinals: tuple[int, ...], *, same: bool, ip: bool = True) -> History:
    """Let members go all at once and come again, perhaps to the address that they had."""
    pods = [{"ordinal": n, **story.proof(n)} for n in ordinals]
    addresses = {n: story.pods[n]["ip"] for n in ordinals}
    story.stage("pods-delete", 0, "planned", {})
    for n in ordinals:
        story.goes(n)
    story.stage("pods-delete", 0, "receipt", {"pods": pods})
    for n in ordinals:
        story.comes(n, ip=addresses[n] if same else "")
    if not ip:
        for place, one in enumerate(story.ops):
            if one.what == "pod" and one.index < 0 and one.value["uid"] == story.pods[0]["uid"]:
                story.ops[place] = Op(
                    one.process, "pod", OK, one.invoked, one.completed, {**one.value, "ip": ""}
                )
    return story.history()


def begun() -> Story:
    story = replicated(Story({"pods-delete": [0]}, replicas=2))
    story.deploys()
    return story


def test_who_came_to_its_own_address_again_is_shown_by_its_end_and_its_return():
    found = drift(begun(), (0, 1), same=True)
    receipt = next(op for op in found.of("fault") if op.value["stage"] == "receipt")
    first, second = list(discovering._unmoved(found, receipt))
    assert first.standing is second.standing is UNKNOWN
    assert first.reason.startswith("member 0 came to 10.0.0.")
    assert first.reason.endswith(" again, the address that it had")
    end, came = first.ops
    assert (end.value["event"], end.value["name"]) == ("DELETED", "ledger-0")
    assert (came.value["ready"], came.value["name"], came.index > receipt.index) == (
        True,
        "ledger-0",
        True,
    )


def test_a_member_without_an_address_and_one_that_is_not_named_leave_it_open():
    found = drift(begun(), (0,), same=False, ip=False)
    receipt = next(op for op in found.of("fault") if op.value["stage"] == "receipt")
    assert list(discovering._unmoved(found, receipt)) == [
        Finding(UNKNOWN, "no address of member 0 was seen on both sides"),
        Finding(UNKNOWN, "the receipt names not all members", (receipt,)),
    ]


# --- leaders


def sight(member: int, leader: int, term: int, index: int) -> leading.Sight:
    return leading.Sight(member, leader, term, op("answer", index))


def test_the_term_nought_is_a_term_and_none_is_shown_by_who_told_none():
    zero = [sight(0, 0, 0, 4), sight(1, 1, 0, 5)]
    (found,) = leading._doubled(zero)
    assert found.reason == "term 0 has two leaders: member 0 names 0, member 1 names 1"
    assert list(leading._doubled([sight(0, 0, -1, 4), sight(1, 1, -1, 5)])) == []
    final = run(op("phase", 1, name="before"), op("phase", 3, name="final"))
    apart = list(leading._apart(final, zero))
    said = "members name different leaders in the end: 0 names 0, 1 names 1"
    assert apart == [Finding(UNKNOWN, said, (zero[0].op, zero[1].op))]
    silent = sight(1, 0, -1, 5)
    assert list(leading._apart(final, [zero[0], silent])) == [
        Finding(UNKNOWN, "member 1 named a leader and no term", (silent.op,))
    ]


def test_only_what_is_named_after_the_faults_is_named_in_the_end():
    seen = [sight(0, 0, 1, 2), sight(1, 0, 1, 3)]
    final = run(op("phase", 1, name="before"), op("phase", 4, name="final"))
    assert [one.reason for one in leading._apart(final, seen)] == [
        "member 0 named no leader after the faults",
        "member 1 named no leader after the faults",
    ]


def test_a_leader_is_lost_as_it_is_named_and_led_again_from_the_receipt_on():
    receipt = stage("receipt", 5, 10)
    for at, lost in ((10, True), (9, True), (10.5, False)):
        history = run(op("role", 3, at, ordinal=0), receipt)
        assert bool(list(leading._losses(history))) is lost, at
    for sent, counts in ((10, True), (9.5, False)):
        back = op("write", 7, (sent, 12), member=1)
        found = leading._led_again(run(receipt, back), receipt)
        assert found == (back if counts else None)


def test_who_is_led_again_at_the_bound_is_in_time_and_who_was_not_awaited_is_unknown():
    receipt, back = stage("receipt", 5, 10), op("write", 7, (11, 15), member=1)
    history = run(receipt, back)
    assert leading._judged(history, receipt, back, 5.0) == Finding(HOLDS, ops=(receipt, back))
    name, bound = "after the loss of leader 0 no other member acknowledged a write", "not within"
    late = leading._judged(history, receipt, back, 4.9)
    assert late == Finding(BROKEN, f"{name} for 5.0 s, {bound} 4.9 s", (receipt, back))
    never = leading._judged(history, receipt, None, 4.9)
    assert never == Finding(BROKEN, f"{name} at all, for 5.0 s, {bound} 4.9 s", (receipt,))
    said = "after the loss of leader 0 the run ended before another member acknowledged a write"
    assert leading._judged(history, receipt, None, 5.0) == Finding(UNKNOWN, said, (receipt,))


# --- answers of name servers


def asked(index: int, at: tuple[float, float], error: float = 0.0, **more: Any) -> Op:
    value = {"server": "s", "ordinal": 0, "code": "NOERROR", "addresses": ["a"], **more}
    return Op("dns", "dns", OK, *at, value, error, index)


def test_an_answer_was_known_when_it_had_come_and_a_repeated_one_when_the_first_had():
    def only(one: Op) -> tuple[float, float, float, float]:
        (found,) = resolved(run(one))["s", 0]
        return found.since, found.known, found.asked, found.until

    assert only(asked(1, (4, 5))) == (4, 5, 4, 5)
    assert only(asked(1, (4, 5), times=1)) == (4, 5, 4, 5)
    assert only(asked(1, (4, 5), times=2)) == (4, 4, 5, 5)
    assert only(asked(1, (4, 5), times=2, since=2)) == (2, 2, 4, 5)
    assert only(asked(1, (4, 5), times=1, since=2)) == (2, 5, 4, 5)


def test_a_run_of_answers_is_as_wrong_as_the_worst_of_them():
    ops = [asked(n, (n, n + 0.5), error) for n, error in enumerate((0.1, 0.4, 0.2), 1)]
    (found,) = resolved(run(*ops))["s", 0]
    assert (found.error, found.since, found.asked, found.until) == (0.4, 1, 3, 3.5)


# --- halts and retention


def test_a_halt_that_nobody_bounds_shows_nothing_and_one_a_little_short_does():
    asked_at, receipt = op("set", 2, 10), stage("receipt", 5, 17.5)
    halt = halts.Halt(receipt, asked_at, asked_at, None, (), ())
    said = "the halt was watched for 7.5 s only, 0 s are wanted"
    assert halts._unshown(run(), halt, asked_at) == said
    head = op("plan", 0, profile=PROFILE, limits={"a halt is watched": 8.0})
    assert halts._unshown(History((head,)), halt, asked_at) == (
        "the member was not seen Ready again"
    )
    head = op("plan", 0, profile=PROFILE, limits={"a halt is watched": 8.1})
    said = "the halt was watched for 7.5 s only, 8.1 s are wanted"
    assert halts._unshown(History((head,)), halt, asked_at) == said


def test_how_long_a_halt_was_is_told_to_a_millisecond():
    gone = ((tenure(1, pod(8)), pod(8, at=19.98765)),)
    halt = halts.Halt(
        stage("receipt", 5, 17.12345), None, op("set", 2, 10), pod(7, at=18), gone, ()
    )
    assert halts._figures([halt]) == {"scale_downs": 1, "halted": [7.123], "went_on": [1.988]}


def claim(index: int, event: str, *, deleting: bool = False) -> Op:
    return op("claim", index, uid="c", event=event, deleting=deleting)


def test_a_claim_shows_its_end_by_its_mark_or_by_being_gone_and_by_nothing_else():
    receipt, planned = stage("receipt", 4), stage("planned", 2)
    ops = [
        claim(1, "DELETED"),
        planned,
        claim(3, "MODIFIED"),
        receipt,
        claim(5, "MODIFIED", deleting=True),
        claim(6, "DELETED"),
        claim(7, "ADDED"),
        stage("healed", 8),
        claim(9, "DELETED"),
    ]
    history = run(*ops)
    drift = Drift(0, "scale-down", "u", "v", receipt, ops[7])
    assert [one.index for one in retention._signs(history, drift, "c")] == [5, 6]
    assert [one.index for one in retention._signs(history, drift, "d")] == []
