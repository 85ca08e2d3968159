"""The commands about the ground: doctor, cluster up, down and list.

A doorway: may import everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from seatrial import cluster
from seatrial.cleanliness import proved
from seatrial.cli import show
from seatrial.cli.options import (
    NEWEST,
    Json,
    Kubernetes,
    Name,
    Shape,
    Timing,
    default_name,
    spec_of,
)
from seatrial.cluster import doctor, engine
from seatrial.healing import heal, settle
from seatrial.progress import Progress
from seatrial.workload import OURS, removed

app = typer.Typer(help="The ground: real Kubernetes clusters.", no_args_is_help=True)


def examine(as_json: Json = False) -> int:
    """Say what this machine has and lacks, each with the consequence and the remedy."""
    with show.terminal() as progress, progress.step("looking at this machine", 3):
        findings = doctor.examine()
    if as_json:
        show.document(doctor.as_json(findings))
    else:
        _tell(findings)
    return 0 if doctor.ready(findings) else 3


@app.command("up")
def up(
    shape: Shape = "three-workers",
    timing: Timing = "fast",
    name: Name = "",
    kubernetes: Kubernetes = NEWEST,
    as_json: Json = False,
) -> int:
    """Bring a cluster up and prove it ready; at once when it is up already."""
    with show.terminal() as progress:
        found = cluster.up(spec_of(name, shape, timing, kubernetes, ""), progress)
    if as_json:
        show.document({"name": found.name, "kubeconfig": str(found.kubeconfig), **found.facts})
    else:
        show.line(f"{found.name} is up and proved: export KUBECONFIG={found.kubeconfig}")
    return 0


@app.command("down")
def down(
    name: Name = "",
    shape: Shape = "three-workers",
    engine_too: Annotated[
        bool, typer.Option("--engine", help="Stop our own container engine as well.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Take a cluster of ours down; nothing of anybody else's is touched.

    Faults that runs which died left open on it end with it, and are closed in the undo journal.
    """
    wanted = name or default_name(shape)
    with show.terminal() as progress:
        taken = cluster.down(wanted, progress)
        closed = settle(wanted, progress)
        stopped = engine_too and _engine_stopped(progress)
    if as_json:
        faults = [asdict(mend) for mend in closed.mends]
        document = {"name": wanted, "down": taken, "faults": faults, "engine_stopped": stopped}
        show.document(document)
    else:
        show.line(f"{wanted} is down" if taken else f"nothing to take down: no cluster {wanted}")
        for mend in closed.mends:
            show.line(str(mend))
    return closed.exit_code


@app.command("reset")
def reset(name: Name = "", shape: Shape = "three-workers", as_json: Json = False) -> int:
    """Remove what trials left on a cluster, and prove that nothing of them is left.

    Open faults are healed first. Not while a trial runs on it: its namespace goes, too.
    """
    with show.terminal() as progress:
        found = cluster.get(name or default_name(shape))
        kube, healed = found.connect(), heal(progress)
        spaces = kube.get("/api/v1/namespaces", labelSelector=OURS)["items"]
        names = [space["metadata"]["name"] for space in spaces]
        with progress.step(f"removing {len(names)} namespaces of trials", 10 * len(names)):
            for space in names:
                removed(kube, space)
        with progress.step("proving that nothing is left", 3):
            proof = proved(kube, cluster.machines(found, progress), *names)
    if as_json:
        show.document({"name": found.name, "removed": names, "proof": proof})
    else:
        show.line(f"{found.name} is clean: removed {', '.join(names) or 'nothing'}")
    return healed.exit_code


def _engine_stopped(progress: Progress) -> bool:
    """Stop our engine unless other clusters of ours still run on it."""
    others = [c.name for c in cluster.clusters() if c.state == "healthy" and c.provider == "kind"]
    if others:
        progress.note(f"the engine goes on: {', '.join(others)} still run on it")
        return False
    return engine.stop(progress)


@app.command("list")
def clusters(as_json: Json = False) -> int:
    """List our clusters and the state each is in."""
    rows = [status.as_dict() for status in cluster.clusters()]
    if as_json:
        show.document(rows)
    else:
        show.rows(rows, ("name", "state", "shape", "timing", "kubernetes", "created"))
    return 0


def _tell(findings: Sequence[doctor.Finding]) -> None:
    show.rows(doctor.as_json(findings), ("name", "state", "seen"))
    for found in findings:
        if found.state != "ok":
            show.line(f"\n{found.sentence}")
            show.line(f"  try: {found.remedy}")
    lacking = ", ".join(f.name for f in findings if f.needed and f.state == "missing")
    show.line(f"\nnot ready: {lacking}" if lacking else "\nready: `seatrial certify ledger`")
