"""Likely causes of a broken guarantee of the family connection.

May import: model, checks.calls, checks.drifts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from seatrial.checks import calls
from seatrial.checks.drifts import receipts
from seatrial.model import History, Verdict

Declared = Mapping[str, Any]


def causes(history: History, verdict: Verdict, declared: Declared) -> Iterator[str]:
    """Name what may have caused it; `declared` is what the manifest says (profiles.facts)."""
    if calls.declared(history):
        for find in _CAUSES.get(verdict.guarantee, ()):
            yield from find(history, declared)


def _one_connection(history: History, declared: Declared) -> Iterator[str]:
    told = calls.declared(history)["ways"]
    for name in calls.ways(history):
        service = told[name]["to"].partition(":")[0]
        headless = declared.get("services", {}).get(service, {}).get("headless", True)
        if headless and told[name].get("policy") != "round_robin":
            yield (
                f"way `{name}` has the policy pick_first: a channel takes the first address that "
                "answers and stays there"
            )
        elif not headless and not _reaches_all(history, name):
            yield (
                f"way `{name}` leads to Service `{service}`, which has a cluster IP: whoever "
                "connects once stays with the member that he got"
            )


def _reaches_all(history: History, way: str) -> bool:
    """Whether each member answered: a proxy behind a cluster IP reaches all of them."""
    until = calls.untroubled(history)
    counts, _, _ = calls.answered(calls.calls(history, way, until=until), calls.members(history))
    return all(counts.values())


def _unfound(history: History, _: Declared) -> Iterator[str]:
    new = {pod["pod"] for op in receipts(history, "scale-up") for pod in op.value["proof"]["new"]}
    for way in calls.ways(history):
        if new and not any(op.value["pod"] in new for op in calls.calls(history, way)):
            yield (
                f"no new member ever answered by `{way}`: names are asked for again only when a "
                "connection ends, and nothing (MAX_CONNECTION_AGE of the server) ends one"
            )


def _cut_off(_: History, declared: Declared) -> Iterator[str]:
    if declared and not declared.get("prestop", {}).get("kind"):
        yield (
            "the container has no `preStop` hook: it is told to end before anybody knows that "
            "it is about to go"
        )


def _broken_under(history: History, _: Declared) -> Iterator[str]:
    if any(op.value["code"] == "UNAVAILABLE" for op in history.of("call")):
        yield (
            "calls ended in UNAVAILABLE: connections broke under them; a server that sends GOAWAY "
            "and answers what is open before it ends breaks none"
        )


def _patient(history: History, _: Declared) -> Iterator[str]:
    for way in calls.ways(history):
        ops = calls.calls(history, way)
        failed = calls.failures(ops)
        late = [op for op in failed if op.value["code"] == "DEADLINE_EXCEEDED"]
        if hung := calls.hung(ops):
            yield f"{len(hung)} calls by `{way}` waited beyond their deadline: they set none"
        elif len(failed) > 2 * len(late):
            yield (
                f"{len(failed) - len(late)} calls by `{way}` failed before their deadline: they "
                "were led to a member that was gone, and then to no other one"
            )
        elif failed:
            yield (
                f"calls by `{way}` waited until their deadline again and again: without keepalive "
                "nobody notices that a connection leads nowhere"
            )


_CAUSES: Mapping[str, tuple[Callable[[History, Declared], Iterator[str]], ...]] = {
    "connection.spreads": (_one_connection,),
    "connection.rebalances": (_one_connection, _unfound),
    "connection.drains": (_cut_off, _broken_under),
    "connection.fails-over": (_patient,),
}
