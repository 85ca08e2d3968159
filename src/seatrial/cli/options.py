"""Options that several commands share, in one wording.

May import: typer, errors, cluster, ground.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from seatrial.cluster import Allowed, Spec
from seatrial.errors import BadInput
from seatrial.ground import Keep

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document, nothing else.")]
Shape = Annotated[str, typer.Option(help="A shape of `seatrial list shapes`.")]
Timing = Annotated[str, typer.Option(help="fast (by published knobs only) or default.")]
Kubernetes = Annotated[str, typer.Option(help="Kubernetes version, such as 1.34.")]
Versions = Annotated[
    list[str] | None,
    typer.Option(
        "--kubernetes",
        help="Kubernetes version, such as 1.34, which is the default; repeated, each in turn.",
    ),
]
Seed = Annotated[
    int | None, typer.Option(min=0, help="Decides every choice; drawn when not given.")
]
Out = Annotated[
    Path, typer.Option(help="Where the run folders go.", file_okay=False, writable=True)
]
KeepWhat = Annotated[Keep, typer.Option(help="Leave cluster and namespace to be looked at.")]
ClusterName = Annotated[str, typer.Option("--cluster", help="Use or make the cluster named so.")]
Name = Annotated[str, typer.Option(help="The cluster's name; seatrial-SHAPE when not given.")]


def existing(folder: Path) -> Path:
    """Give a run folder back; raises BadInput when it is not there: somebody mistyped it."""
    if not folder.is_dir():
        raise BadInput(
            f"a run folder at {folder}",
            seen="there is no such folder",
            remedy="`ls reports/runs` lists the runs made here; reports/runs/latest is the newest",
        )
    return folder


Run = Annotated[
    Path, typer.Argument(help="A run folder, such as reports/runs/latest.", callback=existing)
]
Guarantees = Annotated[
    list[str] | None,
    typer.Option("--guarantee", help="Judge only these ids; globs allowed, can be repeated."),
]
Faults = Annotated[
    list[str] | None,
    typer.Option(
        "--fault",
        help="Cause only these (`seatrial list faults`), NAME, NAME:ROUNDS or "
        "NAME@TRIGGER (docs/drills.md); can be repeated.",
    ),
]
Beside = Annotated[
    bool,
    typer.Option(
        "--prometheus", help="Have a Prometheus of ours scrape the members (docs/prometheus.md)."
    ),
]
Allow = Annotated[
    str, typer.Option(help="A foreign cluster: the kubeconfig context, named in full.")
]


NEWEST = "1.34"
"""The Kubernetes version taken when none is named."""


def spec_of(name: str, shape: str, timing: str, kubernetes: str, allow: str = "") -> Spec:
    """Say which cluster is meant."""
    if allow:
        return Spec(name or "allowed", "", "", "", "existing", Allowed(allow))
    return Spec(name or default_name(shape), shape, timing, kubernetes)


def specs_of(
    name: str, shape: str, timing: str, versions: Sequence[str], allow: str = ""
) -> list[Spec]:
    """Say which clusters are meant: with several versions each has its version in its name."""
    if len(versions) == 1:
        return [spec_of(name, shape, timing, versions[0], allow)]
    if allow:
        raise BadInput("one --kubernetes with --allow", seen=", ".join(versions))
    stem = name or default_name(shape)
    named = {f"{stem}-{version.replace('.', '-')}": version for version in versions}
    return [spec_of(one, shape, timing, version) for one, version in named.items()]


def default_name(shape: str) -> str:
    """Name the cluster of a shape when the caller did not."""
    return f"seatrial-{shape}"
