"""Whatever we break is healed, also when the one who broke it is killed."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from seatrial import healing
from seatrial.faults.journal import Journal
from seatrial.kube.watch import Stream
from seatrial.progress import Quiet
from seatrial.timing import Limit, limit, poll, wait
from seatrial.workload import namespace_of, removed

pytestmark = pytest.mark.disruptive
SEATRIAL = Path(sys.executable).with_name("seatrial")
REACHED = Limit("the trial reaches the stage", 180)


def reached(out: Path, stage: str) -> str | None:
    """Say what is missing until a fault's own file tells of a stage."""
    files = out.glob("2*/history.d/fault*")
    told = [line for file in files for line in file.read_text().splitlines(keepends=True)]
    stages = [json.loads(line)["value"]["stage"] for line in told if line.endswith("\n")]
    return None if stage in stages else f"{stages} without {stage}"


@pytest.fixture
def killed(trial_ground, tmp_path):
    """Give the function that starts a trial of one fault and kills it at a stage."""
    healing.heal(Quiet())  # What lay open before is no trial's of ours.

    def kill(fault: str, stage: str) -> None:
        call = ["certify", "ledger", "--guarantee", "identity.hostname", "--fault", fault]
        call += ["--cluster", trial_ground.cluster.name, "--out", str(tmp_path)]
        with (tmp_path / "log").open("wb") as log:
            child = subprocess.Popen([SEATRIAL, *call], stdout=log, stderr=log)  # noqa: S603
        try:
            poll(lambda: reached(tmp_path, stage), REACHED, every=0.01)
        finally:
            child.send_signal(signal.SIGKILL)
            child.wait()

    yield kill
    kube = trial_ground.cluster.connect()
    for run in tmp_path.glob("2*"):
        removed(kube, namespace_of(run))


def unready(stream: Stream) -> str | None:
    away = [name for name, node in stream.items("nodes").items() if not node.ready]
    return f"{away} not Ready" if away else None


@pytest.mark.parametrize(
    ("fault", "stage"),
    [
        ("scale-down", "receipt"),  # the shortest: a trial of a node fault takes a minute
        *(
            pytest.param(fault, stage, marks=pytest.mark.campaign, id=f"{fault}-{stage}-{number}")
            for number in range(4)
            for fault, stage in (
                ("node-kill", "undo"),
                ("node-stop", "undo"),
                ("node-stop", "receipt"),
                ("node-kill", "healed"),
                ("node-kill", "receipt"),
            )
        ),
    ],
)
def test_a_node_runs_again_when_the_trial_that_broke_it_is_killed(
    fault, stage, killed, trial_ground
):
    killed(fault, stage)
    # Nobody is asked: the watchdog heals by the journal.
    poll(lambda: str(Journal().read()) if any(Journal().read()) else None, limit("node is back"))
    done = healing.heal(Quiet())
    assert [(mend.what, mend.outcome, mend.sentence) for mend in done.mends] == []
    with Stream(trial_ground.cluster.connect(), ("nodes",)) as stream:
        wait(stream, unready, limit("node is back"))
    assert {path.name for path in Journal().folder.iterdir()} <= {".lock"}
