"""The kind configuration of one cluster: its shape, its timings, its name and its image.

May import: cluster.shapes, cluster.timings.
"""

from __future__ import annotations

from typing import Any

from seatrial.cluster.shapes import Shape
from seatrial.cluster.timings import Timing, patches


def kind_config(name: str, shape: Shape, timing: Timing, image: str) -> dict[str, Any]:
    """Give a whole kind configuration that names the cluster and each node's image.

    A shape's own kubeadm patches stay, and those of the timing come after them.
    """
    own = shape.config.get("kubeadmConfigPatches") or []
    return {
        **shape.config,
        "name": name,
        "nodes": [{**node, "image": image} for node in shape.config["nodes"]],
        "kubeadmConfigPatches": [*own, *patches(timing)],
    }
