"""Brings a subject's image to the nodes that will run it.

May import: errors, progress, cluster.*.
"""

from __future__ import annotations

from pathlib import Path

from seatrial.cluster import engine, images, loading
from seatrial.cluster.ground import Cluster
from seatrial.errors import CannotRun
from seatrial.progress import Progress


def supply(cluster: Cluster, name: str, folder: Path, progress: Progress, role: str = "") -> str:
    """Build the image `name` from its folder, load it into every node, and give its reference.

    Where nodes of a `role` are, they alone get it.
    Raises CannotRun on a cluster whose nodes are not ours to load images into.
    """
    if cluster.provider == "existing":
        raise CannotRun(
            f"the image {name} on the nodes of {cluster.context}",
            seen="its nodes are not ours to load images into",
            remedy="push it to a registry they reach, and name it in the manifests "
            "instead of in the profile's `images`",
        )
    found = engine.find(progress)
    reference = images.build(found, name, folder, progress)
    chosen = [node.name for node in cluster.nodes if node.role == role]
    loading.load(found, chosen or [node.name for node in cluster.nodes], reference, progress)
    return reference
