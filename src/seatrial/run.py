"""The only composer: reads as the story of a run.

A Plan is saved, a Workload deployed on the ground, watched, asked, broken, asked again; then the
History is closed, and only then do the guarantees judge it.
May import: everything below it.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from seatrial import checks, profiles, report, timing
from seatrial.cluster.supply import supply
from seatrial.errors import SeatrialError
from seatrial.evidence import RunFolder
from seatrial.faults import FAULTS, broken
from seatrial.faults.scene import Scene
from seatrial.ground import Ground, Keep
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
from seatrial.probes import identity
from seatrial.progress import Progress
from seatrial.workload import Workload, deployed, removed


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


def tried(
    plan: Plan, profile: Profile, ground: Ground, *, out: Path, keep: Keep, progress: Progress
) -> Trial:
    """Run one Plan on the ground and judge it; the evidence lies below `out`.

    Raises NotReady when the workload never serves, so that nothing could be tried.
    """
    folder = RunFolder.create(out, plan.profile, plan.seed)
    folder.save_plan(plan)
    folder.save_cluster(ground.cluster.facts)
    namespace = _namespace(folder)
    standing = None
    try:
        try:
            with folder.recorder() as recorder:
                recorder.write(_head(plan, profile, ground))
                _exercise(plan, profile, ground, namespace, recorder, progress)
        finally:
            history = folder.close_history()
            report.write(folder.path)
        trial = judged(folder, history, plan.guarantees)
        standing = trial.standing
        return trial
    finally:
        _leave(ground, namespace, keep, standing, progress)


def judged(folder: RunFolder, history: History, guarantees: Sequence[str]) -> Trial:
    """Judge a closed History and write verdicts and reports; touches no cluster."""
    verdicts = checks.judge(history, checks.chosen(guarantees))
    content = folder.save_verdicts(verdicts)
    report.write(folder.path)
    return Trial(folder.path, verdicts, content)


def _exercise(
    plan: Plan,
    profile: Profile,
    ground: Ground,
    namespace: str,
    recorder: Recorder,
    progress: Progress,
) -> None:
    documents = _documents(profile, ground, namespace, progress)
    _phase(recorder, "deploy")
    with ExitStack() as stack:
        with progress.step(f"deploying {profile.name} into {namespace}", 12):
            alive = stack.enter_context(
                deployed(profile, documents, ground.kube, namespace=namespace, recorder=recorder)
            )
        _phase(recorder, "before")
        _ask(alive, recorder, range(profile.replicas))
        _phase(recorder, "fault")
        _break_all(plan, alive, recorder, progress)
        _phase(recorder, "final")
        _ask(alive, recorder, range(profile.replicas))


def _break_all(plan: Plan, alive: Workload, recorder: Recorder, progress: Progress) -> None:
    scene = Scene(alive.kube, alive.stream, alive.namespace, alive.profile.set)
    steps = [(fault.fault, ordinal) for fault in plan.faults for ordinal in fault.ordinals]
    try:
        for name, ordinal in steps:
            with progress.step(f"{name} of {alive.name(ordinal)}", 4):
                with broken(FAULTS[name], scene, ordinal, recorder):
                    pass
                alive.until_ready()
            _ask(alive, recorder, (ordinal,))
    except SeatrialError as error:
        # What was seen so far is judged; what was not shown is unknown, and the Op says why.
        progress.note(f"the trial stops early: {error}")


def _phase(recorder: Recorder, name: str) -> None:
    now = recorder.now()
    recorder.write(Op("run", "phase", Outcome.OK, now, now, {"name": name}))


def _ask(alive: Workload, recorder: Recorder, ordinals: Sequence[int]) -> None:
    for ordinal in ordinals:
        if pod := alive.member(ordinal):
            identity.ask(alive.kube, alive.profile, ordinal, pod, recorder)


def _documents(
    profile: Profile, ground: Ground, namespace: str, progress: Progress
) -> list[dict[str, Any]]:
    images = {
        name: supply(ground.cluster, name, Path(folder), progress)
        for name, folder in profile.images.items()
    }
    return profiles.render(profile, images=images, namespace=namespace)


def _head(plan: Plan, profile: Profile, ground: Ground) -> Op:
    value = {
        "plan": asdict(plan),
        "profile": asdict(replace(profile, folder="", manifests="", images={})),
        "cluster": dict(ground.cluster.facts),
        "limits": timing.limits(),
        "guarantees": {g.id: g.sentence for g in checks.chosen(plan.guarantees)},
    }
    return Op("run", "plan", Outcome.OK, 0.0, 0.0, value)


def _namespace(folder: RunFolder) -> str:
    """Give a name short enough for a pod's whole DNS name to stay below 64 characters."""
    return f"trial-{random.Random(folder.name).getrandbits(32):08x}"  # noqa: S311


def _leave(
    ground: Ground, namespace: str, keep: Keep, standing: Standing | None, progress: Progress
) -> None:
    if keep.keeps(standing):
        ground.wanted.set()
        look = f"kubectl --kubeconfig {ground.cluster.kubeconfig} -n {namespace} get pods,pvc"
        progress.note(f"kept namespace {namespace}; to look: {look}")
        progress.note(f"to clean up: seatrial cluster down --name {ground.cluster.name}")
    elif ground.lasting:
        removed(ground.kube, namespace)
