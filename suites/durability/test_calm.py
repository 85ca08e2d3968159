"""A ledger that keeps its promises is never accused: short runs, each with one benign fault.

The runs are kept below `calm` in the folder of runs, whatever is said of them:
`seatrial bench judges-calm` lets every judge of histories look at all of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from seatrial import checks
from seatrial.blast import of_turns, reach
from seatrial.ground import Keep, leave
from seatrial.live import Live, recording
from seatrial.model import PlannedFault, Standing
from seatrial.plan import planned
from seatrial.profiles import load
from seatrial.progress import Quiet
from seatrial.run import begun

if TYPE_CHECKING:
    from seatrial.ground import Ground
    from seatrial.live import Job

pytestmark = [pytest.mark.disruptive, pytest.mark.campaign]
BENIGN = (
    "pod-delete", "pod-force-delete", "pod-evict", "process-kill", "process-stop", "latency",
    "partition", "packet-loss", "bandwidth", "dns-outage", "rolling-update", "cpu-pressure",
)  # fmt: skip
"""What an honest ledger bears without losing anything, and no other workload notices."""


@pytest.fixture(scope="module")
def leaving(trial_ground: Ground) -> Iterator[Callable[[Job], object]]:
    """Give what removes a job's namespace while the next run begins."""
    with ThreadPoolExecutor(1) as beside:
        yield lambda job: beside.submit(
            leave, trial_ground, job.namespace, Keep.NEVER, None, Quiet()
        )


@pytest.fixture
def job(
    seed: int,
    trial_ground: Ground,
    pytestconfig: pytest.Config,
    leaving: Callable[[Job], object],
) -> Iterator[Job]:
    """Give a plan of one benign fault of one member, both drawn by the seed."""
    subject, spec = load("ledger", known=checks.CHECKS), trial_ground.spec
    draw = random.Random(seed)  # noqa: S311 - repeatable on purpose, no secret
    # Each of them as often as any other, in whatever order seeds are tried.
    fault = BENIGN[seed % len(BENIGN)]
    whole = reach(fault).pods != 1
    target = PlannedFault(fault, (0 if whole else draw.choice(subject.ordinals),))
    asked = [
        guarantee
        for guarantee in checks.chosen(subject.claims)
        if fault in guarantee.needs
        or not guarantee.needs
        or guarantee.id == "durability.acknowledged"
    ]
    plan = planned(
        subject, asked, seed=seed, shape=spec.shape, timing=spec.timing, faults=(fault,),
        kubernetes=spec.kubernetes, command=f"pytest suites/durability/test_calm.py -k {seed}",
    )  # fmt: skip
    radius = of_turns((target,), subject.replicas)
    plan = replace(plan, faults=(target,), radius=radius)
    out = Path(pytestconfig.getoption("--trial-out")) / "calm"
    made = begun(plan, subject, trial_ground, out, Quiet())
    yield made
    leaving(made)


@pytest.mark.parametrize("seed", range(1, 121))
def test_a_short_run_with_a_benign_fault_accuses_nobody(job: Job) -> None:
    with recording(job) as live:
        exercised(live)
    verdicts = checks.judge(job.folder.load(), checks.chosen(job.plan.guarantees))
    job.folder.save_verdicts(verdicts)
    broken = {v.guarantee: v.reason for v in verdicts if v.verdict is Standing.BROKEN}
    assert broken == {}


def exercised(live: Live) -> None:
    """Break one member; all are read before, afterwards and at the end, the first two under load.

    What holds of one reading at rest may not hold of one while writes are under way.
    """
    live.phase("before")
    live.ask(live.everybody)
    live.load(live.everybody)
    live.driver.read("before")
    live.phase("fault")
    (planned_fault,) = live.job.plan.faults
    (ordinal,) = planned_fault.ordinals
    live.load(live.everybody)
    with live.broken(planned_fault.fault, ordinal):
        pass
    live.alive.until_ready()
    live.load(live.everybody)
    live.driver.read("fault")
    live.ask(live.everybody)
    live.finale()
