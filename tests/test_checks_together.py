"""All faults of a whole set in one run told by hand: each neighbour is judged as if alone."""

from dataclasses import replace

import pytest

from seatrial import checks
from seatrial.faults.control_rows import OF_CONTROL_PLANES
from seatrial.faults.network_rows import OF_NETWORKS
from seatrial.model import History, Standing
from seatrial.testing import Ordered, Story, gets_its_disk_back, loses_claim, tells_cluster

FAULTS = (
    "rolling-update", "broken-update", "unready-scale-down", "evict-all", "set-orphan",
    "claim-lost",
)  # fmt: skip
SHOWN = (
    "identity.hostname",
    "identity.dns",
    "identity.member-id",
    "identity.one-cluster",
    "storage.claim-per-ordinal",
    "storage.claim-lost",
    "storage.rebind",
    "ordering.deploy",
    "ordering.rolling-update",
    "ordering.broken-update",
    "ordering.scale-down-waits",
    "ordering.disruption-budget",
    "ordering.adopt",
)


def resolved(story: Ordered) -> None:
    """Let time pass, and every server tell every address."""
    story.waits(1)
    for ordinal in story.members:
        story.resolves(ordinal)
    story.waits(1)


@pytest.fixture(scope="module", params=[0, 5])
def story(request) -> Ordered:
    first, bounds = request.param, {"identity.dns": {"within": 15}}
    found = Ordered({name: [first] for name in FAULTS}, first=first, bounds=bounds)
    found.deploys()
    found.budgeted(max=1)
    resolved(found)
    found.updates()
    found.goes_back()
    resolved(found)
    found.breaks_update()
    found.goes_back("broken-update", only=[first + 2], by_hand=found.named([first + 2]))
    resolved(found)
    found.scales_under()
    found.scales_on()
    resolved(found)
    found.evicts([[first + 2], [first + 1], [first]])
    resolved(found)
    found.orphans()
    found.adopts(found.members)
    found.adopted()
    resolved(found)
    tells_cluster(found)
    gets_its_disk_back(found, first, loses_claim(found, first))
    resolved(found)
    tells_cluster(found)
    told = {"node": "worker-4", "expected": 1, "collected": 1}
    found.says("driver", "driver", {"event": "started", **told})
    found.says("driver", "driver", {"event": "collected", **told})
    return found


@pytest.mark.parametrize("guarantee", SHOWN)
def test_a_good_run_with_all_faults_holds(guarantee, story):
    found = checks.CHECKS[guarantee].check(story.history())
    assert found.verdict is Standing.HOLDS, found.reason


def test_a_good_run_with_all_faults_accuses_nobody(story):
    said = checks.judge(story.history(), checks.chosen(["*"]))
    assert [v for v in said if v.verdict is Standing.BROKEN] == []


@pytest.mark.parametrize("place", ["before all", "after all"])
def test_faults_of_network_and_control_plane_change_no_verdict(place, story):
    """What they break is seen in what members do, not in the faults' own Ops."""
    broken = Story()
    broken_member = {"pod": "web-1", "uid": "u", "node": "worker-1"}
    for row in (*OF_NETWORKS, *OF_CONTROL_PLANES):
        proof = {"target": broken_member, "node": "sea-control-plane", "witness": "it"}
        for stage in ("planned", "undo", "receipt", "healed"):
            broken.stage(row.name, story.members[1], stage, proof)
    told, faults = story.history().ops, broken.ops[1:]
    before = place == "before all"
    at = 0.0 if before else told[-1].completed
    faults = [replace(op, invoked=at, completed=at) for op in faults]
    ops = [told[0], *faults, *told[1:]] if before else [*told, *faults]
    whole = History(tuple(replace(op, index=n) for n, op in enumerate(ops)))
    for guarantee in checks.chosen(["*"]):
        now, alone = guarantee.check(whole), guarantee.check(story.history())
        assert (now.verdict, now.reason) == (alone.verdict, alone.reason), guarantee.id
