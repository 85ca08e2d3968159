"""The network family: from outside the pod network to members, and from members to the outside.

May import: model, outside, checks.{findings,looked,turns}, statistics.visits.
Source: kubernetes.io, "Service" (type NodePort), "Using Source IP", "DNS for Services and Pods".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from seatrial.checks.findings import Finding, settled
from seatrial.checks.looked import WITHIN, Look, errors, judged, looks, unlooked
from seatrial.checks.statistics.visits import missed, visits_needed
from seatrial.checks.turns import bound
from seatrial.model import History, Json, Op, Standing, Verdict
from seatrial.outside import ANYWHERE, KEPT

_EGRESS, _NODE_PORT = "network.egress", "network.node-port"
_KEPT, _HEADLESS = "network.source-kept", "network.headless-outside"


def egress(history: History) -> Verdict:
    """Judge network.egress: each member fetched a page from an address outside the pod network.

    Broken by a member whose last try in a look brought another answer, or none. Unknown without a
    look before the first fault and after each. Figures: fetches, as (addresses that members were
    seen under).
    """
    seen = looks(history, "egress")
    found = [each for look in seen for each in (*_fetched(look), *_unasked(look))]
    done = [op for look in seen for op in look.reached if op.value["right"]]
    figures = {"fetches": len(done), "as": sorted({str(op.value["peer"]) for op in done})}
    praise = f"members reached an address outside the pod network {len(done)} times"
    return settled(_EGRESS, found, praise, figures, absent=unlooked(history))


def _fetched(look: Look) -> Iterator[Finding]:
    """Judge each member of a look by its last try."""
    last = {op.value["pod"]: op for op in look.reached}
    for pod, op in last.items():
        reason = f"{look.when}: {pod} did not reach an address outside the pod network"
        standing = Standing.HOLDS if op.value["right"] else Standing.BROKEN
        yield Finding(standing, f"{reason}: {op.value['error']}", (look.op, op))


def _unasked(look: Look) -> Iterator[Finding]:
    for pod in sorted(look.everybody - {str(op.value["pod"]) for op in look.reached}):
        reason = f"{look.when}: {pod} was not told to reach out"
        yield Finding(Standing.UNKNOWN, reason, (look.op,))


def node_port(history: History) -> Verdict:
    """Judge network.node-port: each node answers for a Service of type NodePort, by members.

    One that keeps callers' addresses need answer only where a member is. Broken by a node where a
    connection was not answered, or by nobody of the set, for the bound `within` (seconds, 8 if
    none is given). Unknown for a Service without a NodePort or a ready endpoint, with fewer
    connections than find each member (1e-6), or without a look before the first fault and after
    each. Figures: connections, nodes, chance (that a member which never answers was missed).
    """
    seen = looks(history, "node-port")
    within = bound(history, _NODE_PORT, "within", WITHIN)
    found = [each for look in seen for each in judged(look, _unanswered, within)]
    found += [each for look in seen for each in (*_shut(look), *_few(look), *_left(look))]
    figures = _visited(seen)
    praise = (
        f"each of {figures['nodes']} nodes answered, in {figures['connections']} connections; one "
        f"of the members that never answers would be missed with a chance of "
        f"{figures['chance']:.2g}"
    )
    return settled(_NODE_PORT, found, praise, figures, absent=unlooked(history))


def _unanswered(look: Look, op: Op) -> str:
    value = op.value
    service = look.op.value["services"][value["service"]]
    alone = service["promise"] == KEPT and not look.members(value["node"])
    if alone or not service["endpoints"]:
        return ""
    name = f"{value['node']} answered for {value['service']}"
    if not value["right"]:
        return f"{value['node']} did not answer for {value['service']}: {errors(value)}"
    if value["right"] < value["asked"]:
        return f"{name} {value['right']} of {value['asked']} times: {errors(value)}"
    strangers = {*value["pods"]} - look.everybody
    return f"{name} by {', '.join(sorted(strangers))}, no member" if strangers else ""


def _shut(look: Look, *promises: str) -> Iterator[Finding]:
    """Say which Services (of these promises) nobody could ask at a node."""
    for name, service in look.op.value["services"].items():
        if promises and service["promise"] not in promises:
            continue
        reason = f"{look.when}: Service {name}"
        if not service["port"]:
            yield Finding(Standing.UNKNOWN, f"{reason} has no NodePort", (look.op,))
        elif not service["endpoints"]:
            yield Finding(Standing.UNKNOWN, f"{reason} has no ready endpoint", (look.op,))


def _few(look: Look) -> Iterator[Finding]:
    """Say where too few connections were made to find each member."""
    services = look.op.value["services"]
    least = visits_needed(max(1, len(look.everybody)))
    for op in _last(look):
        promise = services[op.value["service"]]["promise"]
        if promise == ANYWHERE and op.value["right"] == op.value["asked"] < least:
            reason = f"{look.when}: {op.value['asked']} connections to {op.value['node']} are few"
            yield Finding(Standing.UNKNOWN, f"{reason}: {least} find each member", (op,))


def _left(look: Look, *promises: str) -> Iterator[Finding]:
    """Say which nodes were not asked for a Service (of these promises)."""
    asked = {(op.value["service"], op.value["node"]) for op in look.reached}
    for name, service in look.op.value["services"].items():
        for node in look.op.value["nodes"]:
            mine = not promises or service["promise"] in promises
            if mine and node != look.op.value["caller"]["node"] and (name, node) not in asked:
                reason = f"{look.when}: {node} was not asked for {name}"
                yield Finding(Standing.UNKNOWN, reason, (look.op,))


def _last(look: Look) -> Iterator[Op]:
    most = max([0, *(int(op.value["round"]) for op in look.reached)])
    return (op for op in look.reached if op.value["round"] == most)


def _visited(seen: Sequence[Look]) -> dict[str, Json]:
    last = [(look, op) for look in seen for op in _last(look)]
    free = [
        missed(len(look.everybody), op.value["right"])
        for look, op in last
        if look.op.value["services"][op.value["service"]]["promise"] == ANYWHERE
    ]
    return {
        "connections": sum(int(op.value["right"]) for _, op in last),
        "nodes": len({str(op.value["node"]) for _, op in last if op.value["right"]}),
        "chance": max(free, default=0.0),
    }


def source_kept(history: History) -> Verdict:
    """Judge network.source-kept: where a member is it sees the caller's address; elsewhere nobody.

    Of Services that are declared so. Broken by a member that saw another address than the
    caller's, by a node that answered without a member or by another node's, and by one with a
    member that did not answer, each for the bound `within` (seconds, 8 if none is given). Unknown
    for a Service without a NodePort or a ready endpoint, when there never was a node without a
    member, or without a look before the first fault and after each. Figures: kept (connections in
    which the address was), silent (nodes that rightly did not answer).
    """
    seen = looks(history, "node-port")
    within = bound(history, _KEPT, "within", WITHIN)
    ours = [_only(look, KEPT) for look in seen]
    found = [each for look in ours for each in judged(look, _unkept, within)]
    found += [each for look in ours for each in (*_shut(look, KEPT), *_left(look, KEPT))]
    last = [(look, op) for look in ours for op in _last(look)]
    kept = sum(int(op.value["right"]) for _, op in last if {*op.value["peers"]} == _own(op))
    silent = {str(op.value["node"]) for look, op in last if not look.members(op.value["node"])}
    figures = {"kept": kept, "silent": len(silent)}
    praise = f"members saw the caller's own address in {kept} connections, and {len(silent)} nodes "
    praise += "without a member answered nobody"
    found += [] if kept else [Finding(Standing.UNKNOWN, _NOBODY)]
    found += [] if silent else [Finding(Standing.UNKNOWN, _ALL_HAVE)]
    return settled(_KEPT, found, praise, figures, absent=unlooked(history))


_NOBODY = "nobody was reached by a Service that keeps addresses"
_ALL_HAVE = "each node had a member, so that none had to be silent"


def _only(look: Look, promise: str) -> Look:
    services = look.op.value["services"]
    ops = (op for op in look.reached if services[op.value["service"]]["promise"] == promise)
    return Look(look.op, tuple(ops))


def _own(op: Op) -> set[str]:
    return {str(op.value["own"])}


def _unkept(look: Look, op: Op) -> str:
    value, here = op.value, look.members(op.value["node"])
    name = f"{value['service']} at {value['node']}"
    if not look.op.value["services"][value["service"]]["endpoints"]:
        return ""
    if not here:
        return f"{name} was answered where no member is" if value["right"] else ""
    if value["right"] < value["asked"]:
        return f"{name} was not answered, where a member is: {errors(value)}"
    if others := {*value["peers"]} - _own(op):
        return f"{name}: a member saw {', '.join(sorted(others))}, not the caller's {value['own']}"
    away = {*value["pods"]} - here
    return f"{name} was answered by {', '.join(sorted(away))} on another node" if away else ""


def headless_outside(history: History) -> Verdict:
    """Judge network.headless-outside: from a node each name resolves, and its member answers.

    Broken by a DNS server that told a node another address than the member's, and by a member
    that did not answer there, for the bound `within` (seconds, 8 if none is given). A server that
    did not answer shows nothing. Unknown when no server was asked for a member, or without a look
    before the first fault and after each. Figures: names (asked), answered (by members).
    """
    seen = looks(history, "headless")
    within = bound(history, _HEADLESS, "within", WITHIN)
    heard = [Look(look.op, tuple(op for op in look.reached if _heard(op))) for look in seen]
    found = [each for look in heard for each in judged(look, _unreached, within)]
    found += [each for look in heard for each in _unnamed(look)]
    last = [op for look in heard for op in _last(look)]
    figures = {"names": len(last), "answered": sum(int(op.value["right"]) for op in last)}
    praise = (
        f"from a node {len(last)} names resolved, and {figures['answered']} calls were answered"
    )
    return settled(_HEADLESS, found, praise, figures, absent=unlooked(history))


def _heard(op: Op) -> bool:
    return op.value["code"] not in {"TIMEOUT", "UNREACHABLE", "MALFORMED"}


def _unreached(look: Look, op: Op) -> str:
    value = op.value
    member: Mapping[str, Json] = look.op.value["members"][str(value["ordinal"])]
    if value["addresses"] != [member["ip"]]:
        told = ", ".join(value["addresses"]) or value["code"]
        said = f"{value['server']} told a node {told} for {member['pod']}"
        return f"{said}, which is at {member['ip']}"
    if not value["right"]:
        return f"{member['pod']} did not answer a node at its own address: {errors(value)}"
    strangers = {*value["pods"]} - {member["pod"]}
    return f"{', '.join(sorted(strangers))} answered for {member['pod']}" if strangers else ""


def _unnamed(look: Look) -> Iterator[Finding]:
    named = {str(op.value["ordinal"]) for op in _last(look)}
    for ordinal in sorted(look.op.value["members"].keys() - named):
        reason = f"{look.when}: no DNS server told a node the name of member {ordinal}"
        yield Finding(Standing.UNKNOWN, reason, (look.op,))
