"""Likely causes of what is broken about sessions and restores, for advice.

May import: model, checks.cases.
Source: kubernetes.io, Service `sessionAffinity`, `publishNotReadyAddresses`; nginx `ip_hash`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from seatrial.checks.cases import Case
from seatrial.model import Verdict


def of_sessions(declared: Mapping[str, Any], verdict: Verdict) -> Iterator[str]:
    """Name what in the Service, or in what was counted, explains it; `declared`: profiles.facts."""
    service = declared.get("affinity", {})
    rules = {
        "session.sticky": _anywhere,
        "session.timeout": _kept,
        "session.drift": _left,
        "session.external": _forgotten,
        "session.cookie": _addressed,
    }
    yield from rules[verdict.guarantee](service, verdict.figures)


def _anywhere(service: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[str]:
    if service.get("kind") == "None":
        yield (
            f"`sessionAffinity: None` in Service `{service['service']}`: each new connection goes "
            "to any member"
        )


def _kept(service: Mapping[str, Any], _: Mapping[str, Any]) -> Iterator[str]:
    seconds, claimed = service.get("timeout"), service.get("claimed")
    if seconds is not None and seconds != claimed:
        yield (
            f"`timeoutSeconds` of Service `{service['service']}` is {seconds:g}, and the profile "
            f"claims {claimed:g} s"
        )


def _left(service: Mapping[str, Any], figures: Mapping[str, Any]) -> Iterator[str]:
    if service.get("unready_too"):
        yield (
            f"`publishNotReadyAddresses: true` in Service `{service['service']}`: a member that "
            "was told to go is an endpoint until its pod is gone"
        )
    if figures.get("hidden"):
        yield (
            f"{figures['hidden']} answers call a session whole that the member did not know: it "
            "takes the client's word for it"
        )


def _forgotten(_: Mapping[str, Any], figures: Mapping[str, Any]) -> Iterator[str]:
    if lost := figures.get("lost", 0) + figures.get("hidden", 0):
        yield (
            f"{lost} answers begin a session anew at another member: it was kept in a process's "
            "own memory, not in the store"
        )


def _addressed(_: Mapping[str, Any], figures: Mapping[str, Any]) -> Iterator[str]:
    if figures.get("members") == 1 and figures.get("clients", 0) > 1:
        yield (
            f"{figures['clients']} browsers with cookies of their own came to one member: the "
            "proxy goes by their address, as nginx's `ip_hash` does"
        )


def of_restores(case: Case) -> Iterator[str]:
    """Say that an older backup was restored than the newest."""
    init = case.declared.get("init", ())
    told = {op.value["snapshot"] for op in case.history.of("stage") if "snapshot" in op.value}
    backups = sorted(case.history.of("backup"), key=lambda op: op.completed)
    older = [op.value["snapshot"] for op in backups[:-1]]
    if backups and told & {*older}:
        by = f" by {', '.join(f'`{name}`' for name in init)}" if init else ""
        yield f"what is restored is chosen{by} when a member starts: it chose not the newest"
