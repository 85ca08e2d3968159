"""The image that a cluster's nodes run: the ordinary one where it can be pulled, else our own.

What is air-gapped about ours stays in here and in clusters/nodeimage/: pod network, storage
class and kubelet settings are all inside the image, so that nobody else has to know.
May import: model, errors, places, progress, command, cluster.{engine,debian,images}.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.cluster import images
from seatrial.cluster.engine import Engine
from seatrial.cluster.nodeimage import assembly
from seatrial.cluster.nodeimage.inputs import Inputs, inputs
from seatrial.progress import Progress

_ORDINARY = "kindest/node"


@dataclass(frozen=True)
class NodeImage:
    """An image that the engine has; `kubernetes` is its version, such as 1.34.4."""

    reference: str
    kubernetes: str
    airgapped: bool


def ensure(engine: Engine, version: str, progress: Progress) -> NodeImage:
    """Give the node image of a Kubernetes version, pulling or building it when it is not there.

    Raises BadInput for a version that we have no build inputs of, CannotRun when neither a
    registry nor what a build needs can be had.
    """
    wanted = inputs(version)
    own = NodeImage(assembly.reference(wanted), wanted.version, airgapped=True)
    if engine.has(own.reference):
        return own
    if ordinary := _ordinary(engine, wanted, progress):
        return ordinary
    assembly.assemble(engine, wanted, progress)
    return own


def _ordinary(engine: Engine, wanted: Inputs, progress: Progress) -> NodeImage | None:
    reference = f"{_ORDINARY}:v{wanted.version}"
    if images.pulled(engine, reference, progress):
        return NodeImage(reference, wanted.version, airgapped=False)
    progress.note("no container registry answers; the node image is made here")
    return None
