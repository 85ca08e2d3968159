"""A trial while it lives: one workload on the ground, watched, written to, asked, and broken.

Whoever leads it (run.py for a certification, chaos for a drill) decides what happens when; what
can happen is here, and all of it goes into the History.
May import: everything below run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from seatrial import profiles, report
from seatrial.cluster.supply import supply
from seatrial.evidence import RunFolder
from seatrial.faults import FAULTS, broken
from seatrial.faults.scene import Proof, Scene
from seatrial.ground import Ground
from seatrial.model import Json, Op, Outcome, Plan, Profile, Recorder
from seatrial.plan import head
from seatrial.probes import identity
from seatrial.progress import Progress
from seatrial.workload import Workload, deployed, namespace_of


@dataclass(frozen=True)
class Job:
    """What is to be tried, and where."""

    plan: Plan
    profile: Profile
    ground: Ground
    folder: RunFolder
    progress: Progress

    @property
    def namespace(self) -> str:
        """The namespace of this run, and of no other."""
        return namespace_of(self.folder.name)


@dataclass(frozen=True)
class Live:
    """A workload under trial; every method writes what it saw as Ops."""

    job: Job
    alive: Workload
    scene: Scene
    recorder: Recorder

    @property
    def everybody(self) -> Sequence[int]:
        """All ordinals."""
        return range(self.job.profile.replicas)

    def phase(self, name: str) -> None:
        """Say what comes next."""
        self.note("run", "phase", {"name": name})

    def note(self, process: str, what: str, value: Mapping[str, Json]) -> None:
        """Write down what is so now."""
        now = self.recorder.now()
        self.recorder.write(Op(process, what, Outcome.OK, now, now, value))

    def ask(self, ordinals: Sequence[int]) -> None:
        """Ask members who they are, each inside its own container."""
        for ordinal in ordinals:
            if pod := self.alive.member(ordinal):
                kube, profile = self.alive.kube, self.job.profile
                identity.ask(kube, profile, ordinal, pod, self.recorder)

    @contextmanager
    def broken(self, fault: str, ordinal: int) -> Iterator[Proof]:
        """Break a member; healed, or the healing's failure raised, when the body is left."""
        with broken(FAULTS[fault], self.scene, ordinal, self.recorder) as receipt:
            yield receipt


@contextmanager
def lived(job: Job, recorder: Recorder) -> Iterator[Live]:
    """Deploy the job's workload, watched from its first moment; Op 0 is written before.

    Raises NotReady when it never serves, so that nothing could be tried.
    """
    documents = _documents(job)
    recorder.write(head(job.plan, job.profile, job.ground.cluster.facts))
    with ExitStack() as stack:
        _say(recorder, "deploy")
        with job.progress.step(f"deploying {job.profile.name} into {job.namespace}", 15):
            kube = job.ground.kube
            alive = stack.enter_context(
                deployed(job.profile, documents, kube, job.namespace, recorder)
            )
        scene = Scene(kube, alive.stream, job.namespace, job.profile.set)
        yield Live(job, alive, scene, recorder)


@contextmanager
def recording(job: Job) -> Iterator[Live]:
    """Live through a job with its History open; it is closed, whatever happens, on leaving.

    What a run that failed had seen is kept and told, too.
    """
    try:
        with job.folder.recorder() as recorder, lived(job, recorder) as live:
            yield live
    except BaseException:
        job.folder.close_history()
        report.write(job.folder.path)
        raise
    job.folder.close_history()


def _say(recorder: Recorder, phase: str) -> None:
    now = recorder.now()
    recorder.write(Op("run", "phase", Outcome.OK, now, now, {"name": phase}))


def _documents(job: Job) -> list[dict[str, Json]]:
    images = {
        name: supply(job.ground.cluster, name, Path(folder), job.progress)
        for name, folder in job.profile.images.items()
    }
    return profiles.render(job.profile, images=images, namespace=job.namespace)
