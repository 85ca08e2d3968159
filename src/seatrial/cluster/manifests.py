"""What a proof puts into a cluster: clusters/proof/, filled in for the nodes it is about.

May import: places, cluster.shapes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from string import Template
from typing import Any

import yaml

from seatrial.cluster.shapes import Declared
from seatrial.places import carried

NAMESPACE = "seatrial-proof"


@dataclass(frozen=True)
class Proof:
    """What is to be proved of which nodes, and with what image.

    `storage` is the class of the claim, "" for the cluster's default and None for no claim; with
    `elsewhere` another node must find there what was written.
    """

    nodes: tuple[Declared, ...]
    image: str
    namespace: str = NAMESPACE
    storage: str | None = ""
    elsewhere: bool = False


def manifests(proof: Proof) -> list[dict[str, Any]]:
    """Give what proves the nodes, in the order in which it is to be applied."""
    return _documents("nodes.yaml", proof)


def claim_manifests(proof: Proof) -> list[dict[str, Any]]:
    """Give the claim and the pods that use it."""
    documents = _documents("claim.yaml", proof)
    if proof.elsewhere:
        documents += _documents("elsewhere.yaml", proof)
    if proof.storage:
        documents[0]["spec"]["storageClassName"] = proof.storage
    return documents


def _words(proof: Proof) -> dict[str, str]:
    script = (carried("clusters") / "proof/proof.py").read_text()
    return {
        "namespace": proof.namespace,
        "image": proof.image,
        "alone": str(len(proof.nodes) == 1).lower(),
        "nodes": json.dumps([node.name for node in proof.nodes]),
        # Kubernetes replaces $(…) in arguments, and $$ stands for one $.
        "script": json.dumps(script.replace("$", "$$")),
    }


def _documents(name: str, proof: Proof) -> list[dict[str, Any]]:
    text = (carried("clusters") / "proof" / name).read_text()
    return list(yaml.safe_load_all(Template(text).safe_substitute(_words(proof))))
