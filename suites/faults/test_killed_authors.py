"""A hundred breaks whose author is killed on the way, at every step of the protocol, for real.

One ledger lives through all of them. After each nothing is left broken, no receipt was false, and
nobody was hit but who was planned.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seatrial import cluster, healing
from seatrial.blast import reach
from seatrial.checks import CHECKS
from seatrial.cleanliness import proved
from seatrial.faults.journal import Journal
from seatrial.ground import Keep, leave
from seatrial.live import Live, recording
from seatrial.plan import planned
from seatrial.profiles import load
from seatrial.progress import Quiet
from seatrial.run import begun
from seatrial.timing import Limit, limit, poll, wait

if TYPE_CHECKING:
    from seatrial.ground import Ground
    from seatrial.kube.objects import Pod

pytestmark = [pytest.mark.disruptive, pytest.mark.campaign]
CHILD = Path(__file__).with_name("fatal.py")
WHOLE = Limit("a fault is done, or its author is killed", 400)
FAULTS = (
    "pod-delete", "pod-force-delete", "pod-evict", "process-kill", "process-stop", "node-freeze",
    "node-kill", "node-stop", "node-cordon", "node-cut-control-plane", "kubelet-stop",
    "runtime-stop", "partition", "packet-loss", "bandwidth", "dns-outage", "scale-down",
    "set-orphan", "controller-manager-stop", "scheduler-stop", "cpu-pressure", "memory-pressure",
    "file-descriptors", "disk-full", "claim-lost",
)  # fmt: skip
ENDS = ("undo", "receipt", "healed", "between")


@dataclass(frozen=True)
class Ledger:
    """The subject that lives through it all."""

    live: Live

    def pods(self) -> dict[int, tuple[str, ...]]:
        """Give who each member is: its uid, and the containers that it runs."""
        found: dict[int, tuple[str, ...]] = {}
        for ordinal in self.live.everybody:
            pod: Pod | None = self.live.alive.member(ordinal)
            runs = [s.container_id for s in pod.status.container_statuses] if pod else []
            found[ordinal] = (pod.metadata.uid if pod else "", *sorted(filter(None, runs)))
        return found

    def until_ready(self) -> None:
        """Wait until every member is Ready and acknowledges writes."""
        scene = self.live.scene
        everybody = self.live.everybody
        wait(
            scene.stream, lambda _: scene.unready(everybody), limit("member is back with its node")
        )
        self.live.load(everybody)


@pytest.fixture(scope="module")
def ledger(trial_ground: Ground, pytestconfig: pytest.Config) -> Iterator[Ledger]:
    """Deploy the ledger, once for all of them."""
    healing.heal(Quiet())  # What lay open before is no process's of ours.
    spec, subject = trial_ground.spec, load("ledger", known=CHECKS)
    plan = planned(
        subject, [], seed=pytestconfig.getoption("--trial-seed"), shape=spec.shape,
        timing=spec.timing, kubernetes=spec.kubernetes, faults=("node-kill",),
        command="pytest suites/faults/test_killed_authors.py -m campaign",
    )  # fmt: skip
    job = begun(plan, subject, trial_ground, Path(pytestconfig.getoption("--trial-out")), Quiet())
    try:
        with recording(job) as live:
            yield Ledger(live)
    finally:
        leave(job.ground, job.namespace, Keep.NEVER, None, Quiet())


def drawn(fault: str, end: str) -> random.Random:
    """Give what decides a cycle's choices, the same each time."""
    return random.Random(f"{fault} {end}")  # noqa: S311 - repeatable on purpose, no secret


def victim(fault: str, end: str, members: Mapping[int, object]) -> int:
    """Choose whom to hit; a fault of the set or of no member names the lowest that it may."""
    if fault == "scale-down":
        return 1
    single = reach(fault).pods == 1 or reach(fault).nodes == 1
    return drawn(fault, end).choice([*members]) if single else 0


def done(live: Live, fault: str, end: str, ordinal: int, file: Path) -> list[Mapping[str, Any]]:
    """Break in a child that is killed at its end; gives the stages that it told of before."""
    after = drawn(fault, end).uniform(0.05, 2.0) if end == "between" else 0.0
    scene = live.scene
    told = {
        "fault": fault, "ordinal": ordinal, "file": str(file), "after": after,
        "at": "planned" if end == "between" else end, "namespace": scene.namespace,
        "set": scene.set, "cluster": scene.cluster, "kubeconfig": scene.kubeconfig,
        "context": scene.context, "run": scene.run, "container": scene.container,
        "image": scene.image, "driver": scene.driver,
    }  # fmt: skip
    argv = [sys.executable, str(CHILD), json.dumps(told)]
    child = subprocess.run(  # noqa: S603 - our own program
        argv, check=False, capture_output=True, text=True, timeout=WHOLE.seconds
    )
    stages = [json.loads(line) for line in file.read_text().splitlines()]
    lived = child.returncode == 0 and stages[-1]["stage"] == "healed"
    assert child.returncode == -signal.SIGKILL or lived, child.stderr
    return stages


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_what_a_killed_process_broke_is_healed_and_nobody_else_was_hit(
    fault: str, end: str, ledger: Ledger, trial_ground: Ground, tmp_path: Path
) -> None:
    ledger.until_ready()
    before = ledger.pods()
    ordinal = victim(fault, end, before)
    told = done(ledger.live, fault, end, ordinal, tmp_path / "stages")
    # Nobody is asked: the watchdog heals by the journal.
    poll(lambda: str(Journal().read()) if any(Journal().read()) else None, limit("node is back"))
    mends = healing.heal(Quiet()).mends
    assert [(mend.what, mend.outcome, mend.sentence) for mend in mends] == []
    ledger.until_ready()
    proved(trial_ground.kube, cluster.machines(trial_ground.cluster, Quiet()))
    after = ledger.pods()
    proofs = {one["stage"]: one["proof"] for one in told}
    assert proofs["planned"]["target"]["uid"] == before[ordinal][0]
    assert "stopped" not in proofs
    if "receipt" in proofs:
        assert told_true(proofs["receipt"], before[ordinal])
    if reach(fault).pods == 1:
        assert {n: after[n] for n in after if n != ordinal} == {
            n: before[n] for n in before if n != ordinal
        }


def told_true(receipt: Mapping[str, Any], victim: tuple[str, ...]) -> bool:
    """Whether a receipt speaks of the member as it was before, where it names one."""
    about = receipt.get("target", receipt)
    return about.get("uid", victim[0]) == victim[0] and bool(receipt)
