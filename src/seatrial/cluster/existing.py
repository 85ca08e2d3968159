"""The provider of clusters that we did not make: a kubeconfig context, named in full.

Nothing is guessed (no current context, no part of a name), nothing is harmed that the user did
not name, and the proof runs only when its own namespace was named.
May import: errors, progress, kube, cluster.*.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml

from seatrial.cluster import records
from seatrial.cluster.ground import Allowed, Cluster, Spec
from seatrial.cluster.manifests import NAMESPACE, Proof
from seatrial.cluster.proof import prove
from seatrial.cluster.records import Made, Record
from seatrial.cluster.shapes import ROLE, Declared
from seatrial.cluster.steps import Steps
from seatrial.errors import BadInput, CannotRun
from seatrial.kube.client import ApiFailed, Kube, connect
from seatrial.model import Json
from seatrial.progress import Progress

_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


def up(spec: Spec, progress: Progress, *, keep: bool = False) -> Cluster:
    """Give the cluster of the context that `spec.allowed` names; prove it when that is allowed.

    Raises BadInput when context, namespaces or nodes are not there, CannotRun when the API
    server refuses or does not answer.
    """
    del keep
    if spec.allowed is None:
        raise BadInput(
            "the kubeconfig context of the cluster, named in full",
            seen="none; the current context is never taken silently",
            remedy="--allow CONTEXT; `kubectl config get-contexts -o name` lists them",
        )
    with records.held(spec.name, progress):
        _refuse_made(spec)
        return _brought(spec, spec.allowed, Steps(progress))


def down(name: str, progress: Progress) -> bool:
    """Forget it; the cluster itself is not touched."""
    with records.held(name, progress):
        known = records.load(name) is not None
        records.forget(name)
    if known:
        progress.note(f"{name} is forgotten; the cluster itself is as it was")
    return known


def state(record: Record) -> str:
    """Say whether its API server answers: healthy or broken."""
    try:
        connect(Path(record.kubeconfig), record.context).get("/version")
    except (ApiFailed, BadInput):
        return "broken"
    return "healthy"


def _refuse_made(spec: Spec) -> None:
    record = records.load(spec.name)
    if record and record.provider != spec.provider:
        raise CannotRun(
            f"the name {spec.name} for a cluster that exists already",
            seen=f"a cluster of that name was made by us ({record.provider})",
            remedy="another --name",
        )


def _brought(spec: Spec, allowed: Allowed, steps: Steps) -> Cluster:
    source = allowed.kubeconfig or _default()
    config = only(source, allowed.context)
    record = _record(spec, allowed)
    records.write(Path(record.kubeconfig), yaml.safe_dump(config).encode())
    try:
        with steps.step("api", f"asking the API server of {allowed.context}", 0.5):
            kube = connect(Path(record.kubeconfig), allowed.context)
            record = _seen(kube, record)
            _demand_named(kube, allowed, record.nodes)
        facts = _facts(kube, allowed, record, steps)
    except BaseException:
        if records.load(spec.name) is None:
            records.forget(spec.name)
        raise
    records.save_facts(record.name, facts)
    return replace(records.cluster(records.save(record)), allowed=allowed)


def _default() -> Path:
    listed = os.environ.get("KUBECONFIG", "").split(os.pathsep)[0]
    return Path(listed) if listed else Path.home() / ".kube" / "config"


def only(source: Path, context: str) -> dict[str, Any]:
    """Read one context of a kubeconfig, with the files it names made absolute."""
    try:
        whole = yaml.safe_load(source.read_text()) or {}
    except (OSError, yaml.YAMLError) as error:
        raise BadInput(
            f"a kubeconfig at {source}", seen=str(error), remedy="KUBECONFIG=…"
        ) from None
    contexts = _by_name(whole, "contexts")
    if context not in contexts:
        raise _no_context(source, context, sorted(contexts))
    refers = contexts[context]["context"]
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [contexts[context]],
        **{
            plural: [_absolute(_by_name(whole, plural)[refers[one]], one, source.parent)]
            for one, plural in (("cluster", "clusters"), ("user", "users"))
            if refers.get(one) in _by_name(whole, plural)
        },
    }


def _no_context(source: Path, context: str, known: Sequence[str]) -> BadInput:
    near = get_close_matches(context, known, 1, 0.3)
    return BadInput(
        f"the context {context!r} in {source}, its name in full",
        seen=f"contexts {', '.join(known) or '(none)'}",
        remedy=f"--allow {near[0]}" if near else "--allow with one of these",
    )


def _by_name(whole: Mapping[str, Any], plural: str) -> dict[str, Any]:
    return {found["name"]: found for found in whole.get(plural) or []}


def _absolute(entry: Mapping[str, Any], one: str, base: Path) -> dict[str, Any]:
    inner = {
        key: str(base / value) if key in _FILES else value for key, value in entry[one].items()
    }
    return {**entry, one: inner}


def _record(spec: Spec, allowed: Allowed) -> Record:
    return Record(
        name=spec.name,
        shape="",
        timing="",
        provider=spec.provider,
        state=records.READY,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        context=allowed.context,
        kubeconfig=str(records.folder(spec.name) / "kubeconfig"),
    )


def _seen(kube: Kube, record: Record) -> Record:
    try:
        version = str(kube.get("/version")["gitVersion"])
        found = kube.get("/api/v1/nodes")["items"]
    except ApiFailed as error:
        raise _refused(error, kube.host, record.context) from None
    made = tuple(Made(node["metadata"]["name"], _role(node), "") for node in found)
    return replace(record, kubernetes=version, nodes=made)


def _role(node: Mapping[str, Any]) -> str:
    labels = node["metadata"].get("labels") or {}
    return str(labels.get(ROLE) or ("control-plane" if _CONTROL_PLANE in labels else "worker"))


def _refused(error: ApiFailed, host: str, context: str) -> CannotRun:
    seen, remedy = {
        0: (f"no answer from {host}: {error.seen}", "is it up, and is it to be reached from here?"),
        HTTPStatus.UNAUTHORIZED: (
            f"{host} does not know these credentials: {error.seen}",
            "they may have expired: log in anew with the tool that made the kubeconfig",
        ),
        HTTPStatus.FORBIDDEN: (f"{host} forbids it: {error.seen}", "another user's context"),
    }.get(error.status, (error.seen, ""))
    return CannotRun(
        f"to read version and nodes by the context {context}", seen=seen, remedy=remedy
    )


def _demand_named(kube: Kube, allowed: Allowed, found: Sequence[Made]) -> None:
    spaces = {one["metadata"]["name"] for one in kube.get("/api/v1/namespaces")["items"]}
    _demand("namespace", [n for n in allowed.namespaces if n != NAMESPACE], spaces)
    _demand("node", allowed.nodes, {made.name for made in found})


def _demand(what: str, named: Sequence[str], there: set[str]) -> None:
    for name in named:
        if name not in there:
            known = ", ".join(sorted(there))
            raise BadInput(f"the {what} {name!r} that was named", seen=f"{what}s {known}")


def _facts(kube: Kube, allowed: Allowed, record: Record, steps: Steps) -> dict[str, Json]:
    if NAMESPACE in allowed.namespaces:
        proved = prove(kube, Proof(_declared(kube), allowed.image), steps)
    else:
        proved = {"skipped": f"the namespace {NAMESPACE} was not among those named"}
    return {
        "name": record.name,
        "provider": record.provider,
        "created": record.created,
        "kubernetes": record.kubernetes,
        "context": allowed.context,
        "ground_image": allowed.image,
        "allowed": {"namespaces": list(allowed.namespaces), "nodes": list(allowed.nodes)},
        "nodes": [{"name": made.name, "role": made.role} for made in record.nodes],
        "timings": {},
        "proof": proved,
        "seconds": steps.seconds,
    }


def _declared(kube: Kube) -> tuple[Declared, ...]:
    """Take the nodes as they are: a foreign cluster declares nothing to us."""
    return tuple(
        Declared(node["metadata"]["name"], _role(node), _taints(node))
        for node in kube.get("/api/v1/nodes")["items"]
    )


def _taints(node: Mapping[str, Any]) -> tuple[str, ...]:
    taints = node["spec"].get("taints") or []
    return tuple(sorted(f"{t['key']}={t.get('value', '')}:{t['effect']}" for t in taints))
