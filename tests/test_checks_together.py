"""All faults of a whole set in one run told by hand: each neighbour is judged as if alone."""

import pytest

from seatrial import checks
from seatrial.model import Standing
from seatrial.testing import Ordered, gets_its_disk_back, loses_claim, tells_cluster

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
