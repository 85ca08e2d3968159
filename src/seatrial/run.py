"""The only composer: reads as the story of a run.

A Plan is saved, a Workload deployed on the ground, watched, asked, broken, asked again; then the
History is closed, and only then do the guarantees judge it.
May import: everything below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from seatrial import checks, cluster, profiles, report
from seatrial.cluster.supply import supply
from seatrial.errors import NotHealed, SeatrialError
from seatrial.evidence import RunFolder
from seatrial.faults import FAULTS, broken
from seatrial.faults.scene import Scene
from seatrial.ground import Ground, Keep, leave
from seatrial.healing import watched
from seatrial.model import (
    History,
    Json,
    Op,
    Outcome,
    Plan,
    Profile,
    Recorder,
    Standing,
    Verdict,
    overall,
)
from seatrial.plan import head
from seatrial.probes import identity
from seatrial.progress import Progress
from seatrial.workload import Workload, deployed, namespace_of


@dataclass(frozen=True)
class Trial:
    """One finished run: its folder, its verdicts, and verdicts.json as it stands there."""

    folder: Path
    verdicts: tuple[Verdict, ...]
    content: Mapping[str, Json]

    @property
    def standing(self) -> Standing:
        """The verdict on the whole."""
        return overall(self.verdicts)


@dataclass(frozen=True)
class _Job:
    plan: Plan
    profile: Profile
    ground: Ground
    namespace: str
    folder: Path
    progress: Progress


def tried(
    plan: Plan, profile: Profile, ground: Ground, *, out: Path, keep: Keep, progress: Progress
) -> Trial:
    """Run one Plan on the ground and judge it; the evidence lies below `out`.

    Raises NotReady when the workload never serves, so that nothing could be tried.
    """
    folder = RunFolder.create(out, plan.profile, plan.seed)
    folder.save_plan(plan)
    folder.save_cluster(ground.cluster.facts)
    job = _Job(plan, profile, ground, namespace_of(folder.name), folder.path, progress)
    standing = None
    try:
        with watched():
            history = _recorded(job, folder)
        trial = judged(folder, history, plan.guarantees)
        standing = trial.standing
        return trial
    finally:
        leave(job.ground, job.namespace, keep, standing, progress)


def judged(folder: RunFolder, history: History, guarantees: Sequence[str]) -> Trial:
    """Judge a closed History and write verdicts and reports; touches no cluster."""
    verdicts = checks.judge(history, checks.chosen(guarantees))
    content = folder.save_verdicts(verdicts)
    report.write(folder.path)
    return Trial(folder.path, verdicts, content)


def _recorded(job: _Job, folder: RunFolder) -> History:
    """Run, and close the History; what a run that failed had seen is kept and told, too."""
    documents = _documents(job)
    try:
        with folder.recorder() as recorder:
            recorder.write(head(job.plan, job.profile, job.ground.cluster.facts))
            _exercise(job, documents, recorder)
    except BaseException:
        folder.close_history()
        report.write(folder.path)
        raise
    return folder.close_history()


def _exercise(job: _Job, documents: Sequence[Mapping[str, Json]], recorder: Recorder) -> None:
    everybody = range(job.profile.replicas)
    with ExitStack() as stack:
        _phase(recorder, "deploy")
        with job.progress.step(f"deploying {job.profile.name} into {job.namespace}", 15):
            alive = stack.enter_context(
                deployed(job.profile, documents, job.ground.kube, job.namespace, recorder)
            )
        _phase(recorder, "before")
        _ask(alive, recorder, everybody)
        _phase(recorder, "fault")
        _break_all(job, alive, recorder)
        _phase(recorder, "final")
        _ask(alive, recorder, everybody)


def _break_all(job: _Job, alive: Workload, recorder: Recorder) -> None:
    scene = _scene(job, alive)
    steps = [(fault.fault, ordinal) for fault in job.plan.faults for ordinal in fault.ordinals]
    try:
        for name, ordinal in steps:
            with job.progress.step(f"{name} of {alive.name(ordinal)}", 4):
                with broken(FAULTS[name], scene, ordinal, recorder):
                    pass
                alive.until_ready()
            _ask(alive, recorder, (ordinal,))
    except NotHealed:
        raise
    except SeatrialError as error:
        # What was seen so far is judged; what was not shown is unknown, and the Op says why.
        job.progress.note(f"the trial stops early: {error}")


def _scene(job: _Job, alive: Workload) -> Scene:
    ground = job.ground.cluster
    return Scene(
        alive.kube,
        alive.stream,
        alive.namespace,
        alive.profile.set,
        nodes=cluster.machines(ground, job.progress),
        cluster=ground.name,
        kubeconfig=str(ground.kubeconfig),
        context=ground.context,
        run=str(job.folder.resolve()),
    )


def _phase(recorder: Recorder, name: str) -> None:
    now = recorder.now()
    recorder.write(Op("run", "phase", Outcome.OK, now, now, {"name": name}))


def _ask(alive: Workload, recorder: Recorder, ordinals: Sequence[int]) -> None:
    for ordinal in ordinals:
        if pod := alive.member(ordinal):
            identity.ask(alive.kube, alive.profile, ordinal, pod, recorder)


def _documents(job: _Job) -> list[dict[str, Json]]:
    images = {
        name: supply(job.ground.cluster, name, Path(folder), job.progress)
        for name, folder in job.profile.images.items()
    }
    return profiles.render(job.profile, images=images, namespace=job.namespace)
