"""Told runs at the edge: cut short, measured just enough, declared otherwise in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from seatrial import checks
from seatrial.checks import classes, lost_claims, speeds
from seatrial.checks.findings import Finding
from seatrial.checks.intervals import ordinals
from seatrial.checks.looked import unlooked
from seatrial.model import History, Op, Outcome, Standing, Verdict
from seatrial.testing import (
    Ordered,
    Story,
    loses_claim,
    tells_cluster,
)
from seatrial.testing.hanging import serve
from seatrial.testing.peering import all_go, grounds, read_alike, replicated
from seatrial.testing.trying import Tried

HOLDS, BROKEN, UNKNOWN = Standing.HOLDS, Standing.BROKEN, Standing.UNKNOWN
RECLAIM, EXPAND, SPEEDS = "storage.reclaim", "storage.expand", "storage.local-vs-network"
LOST, ONE = "storage.claim-lost", "identity.one-cluster"
WAITS, FOUND = "ordering.scale-down-waits", "topology.discovery"
GROWN = {"asked": True, "before": "1Gi", "after": "2Gi", "wanted": "2Gi", "intact": True}


def verdict(guarantee: str, of: Story | History) -> Verdict:
    return checks.CHECKS[guarantee].check(of.history() if isinstance(of, Story) else of)


def without(of: Story, pick: Callable[[Op], bool]) -> History:
    return History(tuple(op for op in of.history().ops if not pick(op)))


def stages(of: Story, *names: str) -> tuple[int, ...]:
    return tuple(op.index for op in of.history().of("fault") if op.value["stage"] in names)


# --- classes


def tried(how: Tried | None = None, *members: int) -> Story:
    story = Story({"scratch-claim": [*members] or [0]})
    story.deploys()
    (how or Tried()).told(story)
    return story


def test_what_is_not_known_of_a_class_is_shown_by_receipt_and_healing():
    story = tried(Tried("Retain", phase=""))
    found = verdict(RECLAIM, story)
    assert found.reason == "volume pvc-scratch (policy Retain) is nowhere, not Released"
    assert found.evidence == stages(story, "receipt", "healed")
    story.loses_sight("claim")
    blind = verdict(RECLAIM, story)
    assert (blind.verdict, blind.evidence) == (UNKNOWN, stages(story, "receipt", "healed"))
    grown = verdict(EXPAND, story)
    assert (grown.verdict, grown.evidence) == (UNKNOWN, stages(story, "receipt"))


def test_classes_that_were_not_tried_are_all_named():
    story = tried(Tried(others=("fast", "slow")))
    found = verdict(RECLAIM, story)
    assert found.reason == "only class standard was tried, not fast, slow"
    assert found.evidence == stages(story, "receipt")


def test_a_volume_that_stayed_is_told_as_it_is_declared():
    assert verdict(RECLAIM, tried(Tried("Retain"))).reason == (
        "the volume of class standard stayed, Released, with its directory, as Retain has it "
        "(2.0 s)"
    )


def test_why_nobody_looked_at_a_disk_is_told_whenever_it_was():
    receipt, healed = (op for op in tried().history().of("fault") if op.value["stage"] != "planned")
    for side in (receipt, healed):
        folders = {True: {"asked": False, "found": False, "why": "it is not ours"}}
        ops = [
            replace(op, value={**op.value, "proof": {**op.value["proof"], "folder": folder}})
            for op in (receipt, healed)
            for folder in [folders.get(op is side, {"asked": True, "found": True, "why": ""})]
        ]
        first, second = ops
        assert list(classes._directory(tried().history(), first, second)) == [
            Finding(
                UNKNOWN,
                "nobody could look at the disk of worker-0: it is not ours",
                (first, second),
            )
        ]


def test_one_claim_that_grew_does_not_speak_for_another_that_nobody_made():
    found = verdict(EXPAND, tried(Tried(expanded={**GROWN, "grown": True}), 0, 1))
    assert found.verdict is UNKNOWN
    assert found.reason == "no receipt for scratch-claim of ordinal 1"


def test_a_claim_that_did_not_grow_in_a_time_that_nobody_bounds_is_unknown():
    story = tried(Tried(expanded={**GROWN, "grown": False}))
    found = verdict(EXPAND, without(story, lambda op: op.what == "plan"))
    assert (found.verdict, found.reason) == (UNKNOWN, "no receipt for the plan")
    told = verdict(EXPAND, story)
    assert told.reason == "the claim was not grown to 2Gi within 0 s: 2Gi"


# --- speeds


def test_two_rounds_and_eight_writes_are_a_figure_and_fewer_are_none():
    assert verdict(SPEEDS, tried(Tried(rounds=2, writes=4))).verdict is Standing.FIGURE
    for few in (Tried(rounds=1, writes=20), Tried(rounds=7, writes=1)):
        assert verdict(SPEEDS, tried(few)).verdict is UNKNOWN


def test_what_was_measured_is_told_by_the_receipt_of_its_own_fault():
    story = Story({"scratch-claim": [0], "pod-delete": [1]})
    story.deploys()
    Tried().told(story)
    story.drifts("pod-delete", 1)
    assert verdict(SPEEDS, story).verdict is Standing.FIGURE


def test_speeds_are_told_to_a_microsecond_and_a_tenth_of_a_mebibyte():
    measured: dict[str, Any] = {
        "p50": 0.00123456, "p99": 0.00765432, "rounds": [0.00111151, 0.00222249],
        "throughput": 7.777 * 2**20,
    }  # fmt: skip
    told = speeds._told(measured)
    assert told == {
        "p50": 1.235, "p99": 7.654, "p50_spread": [1.112, 2.222], "throughput": 7.8
    }  # fmt: skip
    nothing = dict.fromkeys(("p50", "p99", "throughput"), 0.0)
    ratios = speeds._ratios({"claim": told, "own": nothing})
    assert set(ratios.values()) == {0.0}


# --- lost claims


def cut_short() -> Story:
    """Tell of a lost claim that is not healed, and of a second pod that is just made."""
    story = Story({"claim-lost": [0]})
    story.deploys()
    tells_cluster(story)
    loses_claim(story, 0, watched=6.12345)
    return story


def test_a_pod_that_was_just_made_stands_before_the_empty_disk_and_was_not_watched_yet():
    story = cut_short()
    story.goes(0)
    story.comes(0)
    del story.ops[-3:]
    story.phase("final")
    (stay,) = lost_claims.stays(story.history())
    assert [len(pod.ops) for pod in stay.pods] == [5, 1]
    assert verdict(LOST, story).figures["watched_seconds"] == [6.623, 0.0]


def test_who_was_never_seen_to_run_on_an_empty_disk_is_shown_by_the_receipt():
    story = cut_short()
    history = story.history()
    (stay,) = lost_claims.stays(history)
    bare = replace(stay, pods=())
    said = "no pod of ordinal 0 was seen to run on the claim made again"
    assert list(lost_claims._judged(history, bare)) == [Finding(UNKNOWN, said, (stay.receipt,))]


def limited(history: History, *limit: float) -> History:
    head = history.ops[0]
    limits = dict.fromkeys(["an empty disk is watched"] * len(limit), *limit)
    return History((replace(head, value={**head.value, "limits": limits}), *history.ops[1:]))


def test_an_empty_disk_is_watched_long_enough_at_the_limit_and_never_without_one():
    story = cut_short()
    story.answers(0)
    history = story.history()
    (stay,) = lost_claims.stays(history)
    (pod,) = stay.pods
    had = lost_claims._watched(pod, stay)
    first = lost_claims._asked(history, pod)[0]
    shown = Finding(HOLDS, ops=(stay.receipt, first, pod.ops[-1]))
    for limit in (0.5, had):
        assert lost_claims._unready(limited(history, limit), stay, pod) == shown
    said = f"ledger-0 was not Ready on an empty disk, but was watched for {had:.1f} s only"
    short = Finding(UNKNOWN, said, (stay.receipt,))
    for limits in ((had + 0.1,), (0.0,), ()):
        assert lost_claims._unready(limited(history, *limits), stay, pod) == short
    quiet = History(tuple(op for op in history.ops if op.what != "answer"))
    said = "ledger-0 was not asked for its token on the claim made again"
    assert lost_claims._unready(quiet, stay, pod) == Finding(UNKNOWN, said, (stay.receipt,))


def test_a_loss_that_was_not_healed_says_nothing_of_clusters():
    story = cut_short()
    found = verdict(ONE, story)
    assert found.reason == "claim-lost of ordinal 0 was not seen healed"
    assert found.evidence == stages(story, "receipt")


# --- halts


def test_the_set_must_count_a_member_less_before_it_is_asked():
    story = Ordered({"unready-scale-down": [0]})
    story.deploys()
    story.scales_under()
    story.scales_on()
    assert verdict(WAITS, story).verdict is HOLDS
    ops = [
        replace(op, value={**op.value, "ready": 3})
        if op.what == "set" and op.value["replicas"] == 3
        else op
        for op in story.history().ops
    ]
    rest = History(tuple(ops))
    found = verdict(WAITS, rest)
    assert found.reason == "the set was not seen to count a member less before"


def test_a_halt_was_not_seen_where_the_watch_had_a_gap_before_it_was_healed():
    story = Ordered({"unready-scale-down": [0]})
    story.deploys()
    story.scales_under()
    gap = {"kind": "pod", "reason": "410", "after": 1, "until": 2}
    story.waits(1)
    story.says("watch/pods", "gap", gap, Outcome.INFO)
    story.scales_on()
    assert verdict(WAITS, story).reason == "the watch of pods has a gap: 410"


def test_who_goes_at_the_end_of_a_run_that_was_cut_short_went_all_the_same():
    story = Ordered({"unready-scale-down": [0]})
    story.deploys()
    story.scales_under()
    story.goes(2)
    found = verdict(WAITS, story)
    assert (found.verdict, found.reason) == (
        BROKEN, "ledger-2 was told to go while ledger-0 was not Ready"
    )  # fmt: skip


# --- discovery, tenures and looks


def test_how_long_discovery_took_is_told_to_a_millisecond():
    story = replicated(Story({"pods-delete": [0]}))
    grounds(story)
    story.deploys()
    serve(story)
    all_go(story, 3.12345)
    story.phase("final")
    serve(story)
    read_alike(story)
    found = verdict(FOUND, story)
    assert found.verdict is HOLDS, found.reason
    seconds = found.figures["seconds"]
    assert seconds > 3
    assert seconds == round(seconds, 3)


def test_a_pod_of_which_no_address_and_no_container_was_told_has_none():
    story = Story()
    story.comes(0)
    story.ops = [
        replace(op, value={k: v for k, v in {**op.value, "ip": ""}.items() if k != "containers"})
        if op.what == "pod"
        else op
        for op in story.ops
    ]
    (tenure,) = ordinals(story.history())[0]
    assert (tenure.address, tenure.containers) == ("", ())


def test_a_run_that_planned_no_fault_needs_one_look_alone():
    head = Op("run", "plan", Outcome.OK, 0, 0, {"plan": {"faults": []}}, index=0)
    look = Op("outside", "look", Outcome.OK, 1, 1, {"note": ""}, index=1)
    assert unlooked(History((head, look))) == ""
