"""Likely causes of a broken promise about the network: policies, ports, proxies, closed doors.

May import: model, outside, checks.{cases,looked}.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seatrial.checks.cases import Case, Rule
from seatrial.checks.looked import errors, looks
from seatrial.outside import KEPT


def cause(case: Case) -> Iterator[str]:
    """Name what the manifests, or what was seen, say of a broken guarantee of the family."""
    if rule := _RULES.get(case.verdict.guarantee):
        yield from rule(case)


def _policy(case: Case) -> Iterator[str]:
    for name, door in case.declared.get("doors", {}).items():
        if door["promise"] == KEPT and door["policy"] != "Local":
            yield (
                f"`externalTrafficPolicy: {door['policy']}` in Service `{name}`: the node that "
                "takes a connection puts its own address in the place of the caller's"
            )


def _port(case: Case) -> Iterator[str]:
    for name, door in case.declared.get("doors", {}).items():
        if not door["served"]:
            yield (
                f"Service `{name}` leads to port {door['target']}, which no container of the set "
                "declares"
            )


def _proxy(case: Case) -> Iterator[str]:
    for name in case.declared.get("proxies", ()):
        yield f"members go out through the proxy that `{name}` in their environment names"


def _closed(case: Case) -> Iterator[str]:
    """Say when a name was right, and whoever has it refused."""
    for look in looks(case.history, "headless"):
        for op in look.reached:
            member = look.op.value["members"].get(str(op.value["ordinal"]))
            if member and op.value["addresses"] == [member["ip"]] and not op.value["right"]:
                yield (
                    f"{member['pod']} is found by its name and does not let a node in "
                    f"({errors(op.value)}): it answers callers of the pod network alone"
                )
                return


_RULES: Mapping[str, Rule] = {
    "network.source-kept": _policy,
    "network.node-port": _port,
    "network.egress": _proxy,
    "network.headless-outside": _closed,
}
