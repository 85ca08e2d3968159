"""Certifies variants of a shipped subject: the same workload, its manifests patched in one place.

A doorway: may import everything.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial import checks, profiles
from seatrial.cli.trial import Order, judged_of, tried
from seatrial.ground import Ground, Keep
from seatrial.places import carried
from seatrial.progress import Quiet
from seatrial.run import Trial

Patch = Mapping[str, Any]
"""One entry of `patches` of a kustomization."""


@dataclass(frozen=True)
class Variants:
    """Where variants are tried: `folder` takes the variant, `out` the run folders."""

    ground: Ground
    folder: Path
    out: Path
    seed: int

    @classmethod
    def of(cls, ground: Ground, config: pytest.Config, folder: Path) -> Variants:
        """Try them as a suite tries all else, by its options."""
        out, seed = Path(config.getoption("--trial-out")), config.getoption("--trial-seed")
        return cls(ground, folder, out, seed)

    def certified(
        self, base: str, patches: Sequence[Patch], guarantees: Sequence[str], **keys: Any
    ) -> Trial:
        """Try a shipped subject with these changes; `guarantees` are ids and globs."""
        profile = profiles.load(written(base, self.folder, patches, **keys), known=checks.CHECKS)
        judged = judged_of(profile, guarantees)
        order = Order(profile, judged, self.ground.spec, Keep.NEVER, self.out, str(self.folder))
        return tried(order, self.ground, self.seed, Quiet())


def written(base: str, folder: Path, patches: Sequence[Patch], **keys: Any) -> Path:
    """Write a profile that extends a shipped one, with keys of its own; gives its folder."""
    whole, own = carried("fixtures") / base, folder / "manifests"
    own.mkdir(parents=True)
    resources = [os.path.relpath(whole / "manifests", own)]
    (own / "kustomization.yaml").write_text(
        yaml.safe_dump({"resources": resources, "patches": [*patches]})
    )
    keys |= {"extends": str(whole), "name": "varied", "manifests": "manifests"}
    keys["sentence"] = f"{base}, changed in one place"
    (folder / "profile.yaml").write_text(yaml.safe_dump(keys))
    return folder


def replaced(kind: str, name: str, path: str, value: object) -> Patch:
    """Give the patch that replaces one value of an object."""
    operation = {"op": "replace", "path": path, "value": value}
    return {"target": {"kind": kind, "name": name}, "patch": yaml.safe_dump([operation])}


def without_replicas(name: str) -> Patch:
    """Give the patch that leaves a Deployment without a pod."""
    return replaced("Deployment", name, "/spec/replicas", 0)


def redirected(name: str, to: str) -> Patch:
    """Give the patch that has a proxy of ours pass everything on to another place."""
    return replaced("Deployment", name, "/spec/template/spec/containers/0/env/0/value", to)


def image(base: str, name: str) -> str:
    """Give the folder of an image of a shipped subject."""
    return str(carried("fixtures") / base / name)


def removed(kind: str, name: str) -> Patch:
    """Give the patch that leaves an object out."""
    whole = {"$patch": "delete", "kind": kind, "metadata": {"name": name}}
    return {"target": {"kind": kind, "name": name}, "patch": yaml.safe_dump(whole)}
