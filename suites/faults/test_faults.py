"""Every fault of the table once, for real: it takes effect, is proved, and is healed.

Each has a ledger of its own. What the ground cannot do says why, and leaves everything whole.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial import faults
from seatrial.blast import of_turns
from seatrial.checks import CHECKS
from seatrial.cluster.doctor import examine
from seatrial.errors import SeatrialError
from seatrial.faults.journal import Journal
from seatrial.faults.zone_kill import ZONE
from seatrial.ground import Keep, leave
from seatrial.kube.watch import Stream
from seatrial.live import recording
from seatrial.plan import planned
from seatrial.profiles import load
from seatrial.progress import Quiet
from seatrial.run import begun
from seatrial.timing import limit, wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seatrial.ground import Ground
    from seatrial.live import Job
    from seatrial.model import Json

pytestmark = [pytest.mark.disruptive, pytest.mark.campaign]
_MOVING = ("three-workers-shared",)
"""The shapes whose volumes can follow a member."""
_CONFIGURED = {"config-deleted", "secret-deleted", "centre-down", "config-change"}
"""Faults of what members are configured by, of which the ledger has nothing."""
_BACKED_UP = {"restore-elsewhere", "backup-store-down", "backup-policy-change"}
"""Faults of backups by the contract, of which the ledger has none."""
_BESIDE = {"sidecar-kill", "sidecar-hang"}
"""Faults of an agent beside the member, of which the ledger has none."""
_SEEN = ("planned", "undo", "receipt", "healed", "stopped")


@pytest.fixture
def job(
    request: pytest.FixtureRequest, trial_ground: Ground, pytestconfig: pytest.Config
) -> Iterator[Job]:
    """Give a plan of this one fault for a ledger, at the first place that the seed draws."""
    spec, option = trial_ground.spec, pytestconfig.getoption
    named = request.node.callspec.params["name"]
    subject = load(_subject(named), known=CHECKS)
    plan = planned(
        subject,
        [],
        seed=option("--trial-seed"),
        shape=spec.shape,
        timing=spec.timing,
        kubernetes=spec.kubernetes,
        command=f"pytest '{request.node.nodeid}'",
        faults=(named,),
    )
    out = Path(option("--trial-out"))
    # Of two zones one has the majority of three members, and nobody knows beforehand which.
    wide = named == "zone-kill"
    plan = replace(plan, radius=of_turns(plan.faults, subject.replicas, quorum=wide))
    made = begun(plan, subject, trial_ground, out, Quiet())
    yield made
    leave(made.ground, made.namespace, Keep.NEVER, None, Quiet())


def _subject(fault: str) -> str:
    """Name the profile that has what this fault breaks."""
    own = {"config": _CONFIGURED, "ledger-xlss": _BACKED_UP, "ledger-agent": _BESIDE}
    return next((name for name, these in own.items() if fault in these), "ledger")


@pytest.mark.parametrize("name", faults.FAULTS)
def test_a_fault_takes_effect_is_proved_and_is_healed(
    name: str, job: Job, request: pytest.FixtureRequest
) -> None:
    told_of = request.node.user_properties
    if why := lacking(name, job.ground):
        refused(job, name, why)
    else:
        broken(job, name)
    told = stages(job)
    if name == "latency" and "receipt" in told:
        assert told["receipt"][1]["by"] == delayer()
    told_of += [("fault", name), ("evidence", str(job.folder.path))]
    for stage in ("receipt", "healed"):
        if stage in told:
            told_of.append((f"seconds until {stage}", round(told[stage][0] - began(told), 3)))
            told_of.append((stage, str(told[stage][1])))
    # A lost disk took the member with it; its node is whole all the same.
    assert ("receipt" in told) == ("healed" in told) == (not why)
    assert ("stopped" in told) == bool(why)
    assert [entry for entry in Journal().read()[0] if entry.namespace == job.namespace] == []
    with Stream(job.ground.kube, ("nodes",)) as stream:
        wait(stream, unwell, limit("node is back"))


def broken(job: Job, name: str) -> None:
    """Break one member that acknowledges writes, and heal it."""
    ordinal = job.plan.faults[0].ordinals[0]
    with recording(job) as live:
        live.load(live.everybody)
        with live.broken(name, ordinal) as receipt:
            assert receipt


def refused(job: Job, name: str, why: str) -> None:
    """Try what this ground cannot do: nothing is broken, and it says why."""
    with pytest.raises(SeatrialError, match=why):
        broken(job, name)


def lacking(name: str, ground: Ground) -> str:
    """Say in which words this ground has to refuse a fault; empty when it can do it."""
    provider = ground.cluster.provider
    said = faults.FAULTS[name].providers[provider]
    assert said.startswith(("can", "cannot: "))
    if said.startswith("cannot"):
        return "of ours|that seatrial made"
    if name == "node-stale-return" and ground.spec.shape not in _MOVING:
        return "is pinned to"
    there = ground.kube.get("/api/v1/nodes")["items"]
    zones = {node["metadata"]["labels"].get(ZONE, "") for node in there} - {""}
    if name == "zone-kill" and len(zones) < 2:  # noqa: PLR2004 - one zone is the last one
        return f"no label {ZONE}"
    return ""


def delayer() -> str:
    """Say who delays here, as `seatrial doctor` has it."""
    netem = next(found for found in examine() if found.name == "netem")
    return "netem" if netem.state == "ok" else "toxiproxy"


def stages(job: Job) -> Mapping[str, tuple[float, Mapping[str, Json]]]:
    """Give when each stage of the fault was written down, in the run's seconds, and its proof."""
    return {
        op.value["stage"]: (op.completed, op.value["proof"])
        for op in job.folder.load().of("fault")
        if op.value["stage"] in _SEEN
    }


def began(told: Mapping[str, tuple[float, Mapping[str, Json]]]) -> float:
    """Give when the break began: once the undo was on disk, where there is one."""
    return told.get("undo", told["planned"])[0]


def unwell(stream: Stream) -> str | None:
    """Name the nodes that are not Ready, or are closed."""
    nodes = stream.items("nodes").items()
    bad = [name for name, node in nodes if not node.ready or node.spec.unschedulable]
    return f"{', '.join(bad)} not Ready, or closed" if bad else None
