"""The only composer: reads as the story of a run.

A Plan is saved, a Workload deployed on the ground, watched, asked, broken, asked again; then the
History is closed, and only then do the guarantees judge it.
May import: everything below it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from seatrial import checks, edition, gallery, report, samples
from seatrial.errors import Untried
from seatrial.evidence import RunFolder
from seatrial.exercise import exercised
from seatrial.ground import Ground, Keep, leave
from seatrial.live import Job, recording
from seatrial.model import History, Json, Plan, Profile, Standing, Verdict, overall
from seatrial.progress import Progress


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

    A workload that never serves, or ground that cannot bear it, leaves every verdict unknown.
    """
    job, touched = begun(plan, profile, ground, out, progress), True
    try:
        with recording(job) as live:
            exercised(live)
    except Untried as why:
        progress.note(f"nothing could be tried: {why}")
        touched = why.touched
    except BaseException:
        leave(job.ground, job.namespace, keep, None, progress)
        raise
    return concluded(job, keep) if touched else _found(job)


def concluded(job: Job, keep: Keep) -> Trial:
    """Judge a job whose History is closed, and leave its ground.

    Whatever the verdict is, nothing stays with NEVER: the ground is left while it is found.
    """
    left = partial(leave, job.ground, job.namespace, keep, progress=job.progress)
    with ThreadPoolExecutor(1) as beside:
        leaving = beside.submit(left, standing=None) if keep is Keep.NEVER else None
        standing = None
        try:
            trial = _found(job)
            standing = trial.standing
            return trial
        finally:
            if leaving:
                leaving.result()
            else:
                left(standing=standing)


def _found(job: Job) -> Trial:
    return judged(job.folder, job.folder.load(), job.plan.guarantees)


def begun(plan: Plan, profile: Profile, ground: Ground, out: Path, progress: Progress) -> Job:
    """Save what is to be done before any of it is, and by which edition of all that does it."""
    plan = replace(plan, edition=plan.edition or edition.of_subject(profile))
    folder = RunFolder.create(out, plan.profile, plan.seed)
    folder.save_plan(plan)
    folder.save_cluster(ground.cluster.facts)
    return Job(plan, profile, ground, folder, progress)


def judged(folder: RunFolder, history: History, guarantees: Sequence[str]) -> Trial:
    """Judge a closed History and write verdicts and reports; touches no cluster.

    Beside each verdict stand the runs of the same plan that lie in the same place, and by which
    rogues the check was shown to find what it looks for.
    """
    verdicts = checks.judge(history, checks.chosen(guarantees))
    gallery.note(folder.path, history.head.get("profile", {}), verdicts)
    content = _saved(folder, history, verdicts)
    report.write(folder.path)
    return Trial(folder.path, verdicts, content)


def _saved(folder: RunFolder, history: History, found: Sequence[Verdict]) -> Mapping[str, Json]:
    met = gallery.met([verdict.guarantee for verdict in found])
    counts = samples.beside(folder.path, found)
    beside = {v.guarantee: {**counts[v.guarantee], "rogues": met[v.guarantee]} for v in found}
    seconds = round(max((op.completed for op in history.ops), default=0.0), 1)
    more = {"edition": edition.ours(), "seconds": seconds, "reached": samples.states(history)}
    return folder.save_verdicts(found, beside, more)
