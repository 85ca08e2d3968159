"""Likely causes of settings that do not change, or change, where the other was promised.

May import: checks.cases.
Source: kubernetes.io, ConfigMaps, "Mounted ConfigMaps are updated automatically".
"""

from __future__ import annotations

from collections.abc import Iterator

from seatrial.checks.cases import Case


def causes(case: Case) -> Iterator[str]:
    """Name likely causes of a broken promise of this family that is about changes."""
    named = {"config.propagates": _frozen, "config.immutable": _open_to_change}
    if rule := named.get(case.verdict.guarantee):
        yield from rule(case)


def _frozen(case: Case) -> Iterator[str]:
    """Name live settings that are mounted by subPath: nothing changes those."""
    for name, about in case.declared.get("given", {}).items():
        for key, path in about["subpaths"].items():
            if key in about["live"]:
                yield (
                    f"`{key}` of {name} is mounted at {path} by `subPath`: no change of it reaches "
                    "a container that runs"
                )


def _open_to_change(case: Case) -> Iterator[str]:
    """Name objects that are called immutable, and are not."""
    for name, about in case.declared.get("given", {}).items():
        if about["never"] and not about["immutable"]:
            yield f"{name} has no `immutable: true`: whoever may write to it may change it in place"
