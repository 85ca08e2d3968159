"""The kind provider: what is there of a cluster, and what to do about it.

A container is ours when it was made from the tag that our record of the cluster names, and that
no other cluster has; anything else of the same name is left alone.
May import: model, errors, progress, timing, kube, cluster.*.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

from seatrial.cluster import engine as engines
from seatrial.cluster import nodes, records, shapes, timings
from seatrial.cluster.building import Build, build, engine_id, log_path, remove
from seatrial.cluster.engine import Engine
from seatrial.cluster.ground import KUBERNETES, Cluster, Spec, same_version
from seatrial.cluster.nodeimage.inputs import inputs
from seatrial.cluster.nodes import Container
from seatrial.cluster.proof import prove
from seatrial.cluster.records import Record
from seatrial.cluster.steps import Steps
from seatrial.errors import BadInput, CannotRun, NotOurs, ToolFailed
from seatrial.kube.client import ApiFailed, connect
from seatrial.progress import Progress

ABSENT, FOREIGN, HALF_MADE, STOPPED, WHOLE = "absent", "foreign", "half-made", "stopped", "whole"
MOVED = "moved"


@dataclass(frozen=True)
class Standing:
    """What is there of a cluster, in one word, and why we say so."""

    word: str
    why: str = ""


def standing(record: Record | None, there: Sequence[Container]) -> Standing:
    """Judge what is there by the record and the containers alone."""
    if foreign := [c.name for c in there if record is None or c.image != record.image]:
        return Standing(FOREIGN, f"{', '.join(foreign)}, made by somebody else")
    if record is None:
        return Standing(ABSENT)
    if record.state != records.READY:
        return Standing(
            HALF_MADE, f"its {record.state.removesuffix('ing')}ing did not come to an end"
        )
    ids = {c.id for c in there}
    if gone := [made.name for made in record.nodes if made.container not in ids]:
        return Standing(HALF_MADE, f"{', '.join(gone)} is gone")
    if still := [f"{c.name} ({c.status})" for c in there if not c.running]:
        return Standing(STOPPED, f"{', '.join(still)}")
    moved = ", ".join(_moved(record, there))
    return Standing(MOVED, f"{moved} came back with another address") if moved else Standing(WHOLE)


def up(spec: Spec, progress: Progress, *, keep: bool = False) -> Cluster:
    """Give a cluster that is as `spec` says and was proved; make or mend it where needed.

    Raises BadInput for a version that nothing is known of, CannotRun when one of that name is
    otherwise, NotOurs when somebody else made it.
    With `keep` a failed making is left as it is, to look at.
    """
    shape, timing = shapes.shape(spec.shape), timings.timing(spec.timing)
    inputs(spec.kubernetes or KUBERNETES)
    with records.held(spec.name, progress):
        steps = Steps(progress)
        record = records.load(spec.name)
        with steps.step("engine", "the container engine", 0.2):
            engine = _engine(record, progress)
        _sweep(engine, progress, but=spec.name)
        job = Build(spec, shape, timing, engine, steps, keep=keep)
        return _brought(job, record)


def down(name: str, progress: Progress) -> bool:
    """Remove a cluster of ours; False when there was none. Never starts an engine for it."""
    with records.held(name, progress):
        record = records.load(name)
        engine = reachable(record)
        if record is None:
            if engine and nodes.of_cluster(engine, name):
                raise _not_ours(name, "nodes of that name, which we have no record of")
            return False
        if engine is None:
            records.save(replace(record, state=records.REMOVING))
            progress.note(
                f"the engine that {name} ran in is down, so nothing of it runs; its stopped "
                "containers are removed as soon as seatrial meets that engine running"
            )
            return True
        with progress.step(f"removing cluster {name}", 3):
            remove(engine, record)
            log_path(name).unlink(missing_ok=True)
    return True


def state(record: Record) -> str:
    """Say how a cluster on record is: healthy, half-made, broken, stopped or engine-down."""
    engine = reachable(record)
    if engine is None:
        return "half-made" if record.state != records.READY else "engine-down"
    now = standing(record, nodes.of_cluster(engine, record.name))
    if now.word == WHOLE:
        return "broken" if unhealthy(record) else "healthy"
    return "broken" if now.word in {FOREIGN, MOVED} else now.word


def unhealthy(record: Record) -> str | None:
    """Ask the API server quickly whether all is well; None when it is."""
    try:
        kube = connect(records.cluster(record).kubeconfig, record.context)
        found = kube.get("/api/v1/nodes")["items"]
    except (ApiFailed, BadInput) as error:
        return error.seen
    ready = {
        node["metadata"]["name"]
        for node in found
        for condition in node["status"].get("conditions", [])
        if condition["type"] == "Ready" and condition["status"] == "True"
    }
    missing = [made.name for made in record.nodes if made.name not in ready]
    return f"{', '.join(missing)} not Ready" if missing else None


def reachable(record: Record | None) -> Engine | None:
    """Give the engine of a record if it answers now; without a record any that does."""
    if record is None or record.private:
        ours = engines.running()
        if ours or record:
            return ours
    users = Engine("", private=False, version="")
    try:
        version = users.docker("version", "--format", "{{.Server.Version}}", limit=10).strip()
    except ToolFailed:
        return None
    found = replace(users, version=version)
    return None if record and record.engine and engine_id(found) != record.engine else found


def _brought(job: Build, record: Record | None) -> Cluster:
    name = job.spec.name
    if record and record.provider != job.spec.provider:
        _demand_same(job.spec, record)
    now = standing(record, nodes.of_cluster(job.engine, name))
    if now.word == FOREIGN:
        raise _not_ours(name, now.why)
    if record is None:
        return build(job)
    if now.word == HALF_MADE:
        return _rebuilt(job, record, now.why)
    _demand_same(job.spec, record)
    trouble = unhealthy(record) if now.word == WHOLE else now.why
    return _mended(job, record, trouble) if trouble else records.cluster(record)


def _mended(job: Build, record: Record, why: str) -> Cluster:
    job.steps.progress.note(f"cluster {record.name} is broken ({why}): starting it again")
    try:
        with job.steps.step("restart", "starting the nodes", 10):
            _start(job.engine, record)
        facts = dict(records.facts(record.name))
        cluster = records.cluster(record)
        proof = job.proof(facts["ground_image"])
        facts["proof"] = prove(cluster.connect(), proof, job.steps)
    except (CannotRun, BadInput, KeyError) as error:
        return _rebuilt(job, record, f"it did not come back: {error}")
    job.steps.mark("in all")
    records.save_facts(record.name, {**facts, "seconds": job.steps.seconds})
    return records.cluster(record)


def _start(engine: Engine, record: Record) -> None:
    """Start what stands still, in the order of addresses: some engines hand them out so."""
    now = {found.id: found for found in nodes.of_cluster(engine, record.name)}
    order = sorted(record.nodes, key=lambda made: [int(n) for n in made.address.split(".") if n])
    for made in order:
        if now[made.container].status == "paused":
            nodes.resume(engine, made.container)
        elif now[made.container].status != "running":
            nodes.start(engine, made.container, made.address)
    if moved := _moved(record, nodes.of_cluster(engine, record.name)):
        raise CannotRun(f"the old addresses of {', '.join(moved)}", seen="others after the restart")


def _moved(record: Record, there: Sequence[Container]) -> list[str]:
    """Name the nodes that have another address than the one that all others know them by."""
    now = {found.id: found.address for found in there}
    return [made.name for made in record.nodes if now[made.container] != made.address]


def _rebuilt(job: Build, record: Record, why: str) -> Cluster:
    job.steps.progress.note(f"cluster {record.name} is half-made ({why}): making it anew")
    with job.steps.step("removal", f"removing what is left of {record.name}", 3):
        remove(job.engine, record)
    return build(job)


def _demand_same(spec: Spec, record: Record) -> None:
    differs = [
        f"{word} {found} (wanted: {wanted})"
        for word, wanted, found in (
            ("provider", spec.provider, record.provider),
            ("shape", spec.shape, record.shape),
            ("timing", spec.timing, record.timing),
        )
        if wanted != found
    ]
    if not same_version(spec.kubernetes, record.kubernetes):
        differs.append(f"Kubernetes {record.kubernetes} (wanted: {spec.kubernetes})")
    if differs:
        raise CannotRun(
            f"a cluster {spec.name} of that shape, timing and version",
            seen=f"one is there with {', '.join(differs)}",
            remedy=f"`seatrial cluster down --name {spec.name}`, or another --name",
        )


def _engine(record: Record | None, progress: Progress) -> Engine:
    """Give the engine that the cluster is in, else the one to make it in."""
    found = (reachable(record) if record else None) or engines.find(progress)
    if record and not record.private and record.engine and engine_id(found) != record.engine:
        raise CannotRun(
            f"the engine that cluster {record.name} was made in",
            seen=f"another one answers ({os.environ.get('DOCKER_HOST', 'the default one')})",
            remedy="set DOCKER_HOST as it was then, or choose another --name",
        )
    return found


def _sweep(engine: Engine, progress: Progress, but: str) -> None:
    """Remove clusters that were taken down while their engine was."""
    for name in records.names():
        if name == but or records.busy(name):
            continue
        with records.held(name, progress):
            record = records.load(name)
            if record and record.state == records.REMOVING and record.private == engine.private:
                progress.note(f"removing what is left of cluster {name}")
                remove(engine, record)


def _not_ours(name: str, seen: str) -> NotOurs:
    return NotOurs(
        f"a cluster {name} that seatrial made, or none of that name",
        seen=seen,
        remedy=f"another --name; or, if nobody needs it: kind delete cluster --name {name}",
    )
