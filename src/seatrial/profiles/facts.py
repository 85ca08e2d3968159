"""What a set's manifest says that a promise may rest on, in few words, for the History.

Only what decides how members are made, named, kept and ended; no value of an environment.
May import: given, model.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seatrial.given import LIVE, NEVER
from seatrial.model import Json, Profile

Object = Mapping[str, Any]
_PROXIES = {"http_proxy", "https_proxy", "all_proxy"}
_KINDS = {"configmap": "ConfigMap", "secret": "Secret"}
_SOURCES = {"configmap": ("configMap", "name"), "secret": ("secret", "secretName")}
_THREE_HOURS = 10800
"""Seconds that a Service remembers a client when nobody says how long."""


def facts(documents: Sequence[Object], profile: Profile) -> Mapping[str, Json]:
    """Give the facts of the StatefulSet on trial and its Services; empty when there is no set.

    {policy, retention {whenDeleted, whenScaled}, strategy, service, services {name: {headless,
    unready_too}}, labels (of the pods), budgets {name: whether it selects them}, templates,
    volumes {name: kind}, mounts {path: volume}, probed (for readiness), alive {kind, program,
    path} (its liveness probe) and program (argv, empty for the image's own) of the container on
    trial, together ("drawn" to one node, kept "apart", or neither), hostname (fqdn, own), init
    (containers), controller (a rogue's), prestop {kind, seconds (of a sleep)}, autoscaled (by a
    HorizontalPodAutoscaler of its own), door (the container at the port of clients, where it is
    another one), affinity (of the Service that is visited: {service, kind, timeout, claimed,
    unready_too}; only where the profile has sessions), given (where it declares settings: by object
    {immutable, live (keys), never (whether it says so), subpaths {key: path}}), doors and proxies
    (where it declares an outside: {service: {promise, policy, target, served}}, names of
    variables), beside (where it names an agent: {native (an init container that runs on), alive
    (as above) and probed of the agent, asked {probe of the member: port of the agent's}})}. Values
    that are not written are Kubernetes' own defaults.
    """
    found = next(_named(documents, "StatefulSet", profile.set), None)
    if found is None:
        return {}
    spec = found["spec"]
    pod = spec["template"]["spec"]
    labels = (spec["template"].get("metadata") or {}).get("labels") or {}
    own = (c for c in pod["containers"] if c["name"] == profile.container)
    container: Object = next(own, {})
    return {
        "set": profile.set,
        "policy": spec.get("podManagementPolicy", "OrderedReady"),
        "retention": {
            key: (spec.get("persistentVolumeClaimRetentionPolicy") or {}).get(key, "Retain")
            for key in ("whenDeleted", "whenScaled")
        },
        "strategy": (spec.get("updateStrategy") or {}).get("type", "RollingUpdate"),
        "service": spec.get("serviceName", ""),
        "services": dict(_services(documents)),
        "labels": labels,
        "budgets": dict(_budgets(documents, labels)),
        "probed": "readinessProbe" in container,
        "alive": _alive(container),
        "together": _together(pod),
        "templates": [t["metadata"]["name"] for t in spec.get("volumeClaimTemplates") or ()],
        "volumes": {volume["name"]: _kind(volume) for volume in pod.get("volumes") or ()},
        "mounts": {m["mountPath"]: m["name"] for m in container.get("volumeMounts") or ()},
        "program": [*(container.get("command") or ())],
        "hostname": {
            "fqdn": bool(pod.get("setHostnameAsFQDN")),
            "own": pod.get("hostname", ""),
        },
        "init": [c["name"] for c in pod.get("initContainers") or ()],
        "controller": profile.controller.rsplit("/", 1)[-1],
        "prestop": _prestop(container),
        "door": next(_doors(pod["containers"], profile), ""),
        "autoscaled": any(_scaled(documents, profile.set)),
        **_affinity(documents, profile),
        **_given(documents, profile, pod, container),
        **_outside(documents, profile, container),
        **_beside(profile, pod, container),
    }


def _affinity(documents: Sequence[Object], profile: Profile) -> Mapping[str, Json]:
    told = profile.sessions
    name = told.to.partition(":")[0] if told else ""
    found = next(_named(documents, "Service", name), None) if told else None
    if told is None or found is None:
        return {}
    spec = found.get("spec") or {}
    kind = spec.get("sessionAffinity", "None")
    kept = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
    about = {
        "service": name,
        "kind": kind,
        "unready_too": bool(spec.get("publishNotReadyAddresses")),
    }
    if kind == "ClientIP":
        about |= {"timeout": kept or _THREE_HOURS, "claimed": told.timeout}
    return {"affinity": about}


def _given(
    documents: Sequence[Object], profile: Profile, pod: Object, container: Object
) -> Mapping[str, Json]:
    """Give how the objects that give members their settings are written, and mounted."""
    if profile.given is None:
        return {}
    told = {}
    for of in sorted({one.of for one in profile.given.settings.values()}):
        kind, _, name = of.partition("/")
        document = next(_named(documents, _KINDS[kind], name), {})
        settings = profile.given.of(of).values()
        told[of] = {
            "immutable": bool(document.get("immutable")),
            "live": sorted(one.key for one in settings if one.changes == LIVE),
            "never": any(one.changes == NEVER for one in settings),
            "subpaths": dict(_subpaths(pod, container, kind, name)),
        }
    return {"given": told}


def _beside(profile: Profile, pod: Object, container: Object) -> Mapping[str, Json]:
    """Give how the agent beside the member is started and asked, and what of it the member asks."""
    if not profile.sidecar:
        return {}
    first = pod.get("initContainers") or ()
    named = (c for c in (*first, *pod["containers"]) if c["name"] == profile.sidecar)
    agent: Object = next(named, {})
    ports = {port["containerPort"] for port in agent.get("ports") or ()}
    asked = {probe: port for probe, port in _asked(container) if port in ports}
    probed = "readinessProbe" in agent
    about = {"native": agent in first, "alive": _alive(agent), "probed": probed, "asked": asked}
    return {"beside": about}


def _asked(container: Object) -> Iterator[tuple[str, int]]:
    """Give the ports that the probes of a container ask, by the probe's name."""
    own = {port.get("name"): port["containerPort"] for port in container.get("ports") or ()}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        told = container.get(probe) or {}
        for how in ("httpGet", "tcpSocket", "grpc"):
            if port := (told.get(how) or {}).get("port"):
                yield probe, own.get(port, port)


def _subpaths(pod: Object, container: Object, kind: str, name: str) -> Iterator[tuple[str, str]]:
    """Give the keys of a ConfigMap or Secret that a container mounts by subPath, and where."""
    source, key = _SOURCES[kind]
    own = {v["name"] for v in pod.get("volumes") or () if v.get(source, {}).get(key) == name}
    for mount in container.get("volumeMounts") or ():
        if mount["name"] in own and "subPath" in mount:
            yield mount["subPath"], mount["mountPath"]


def _outside(
    documents: Sequence[Object], profile: Profile, container: Object
) -> Mapping[str, Json]:
    """Give the Services that lead in from outside, and which variables name a proxy out."""
    if profile.outside is None:
        return {}
    ports = container.get("ports") or ()
    known = {port.get(key) for port in ports for key in ("name", "containerPort")}
    doors = {}
    for name, promise in profile.outside.services.items():
        for found in _named(documents, "Service", name):
            spec = found.get("spec") or {}
            port = (spec.get("ports") or [{}])[0]
            target = port.get("targetPort", port.get("port"))
            policy = spec.get("externalTrafficPolicy", "Cluster")
            about = {"promise": promise, "policy": policy, "target": target}
            doors[name] = {**about, "served": target in known}
    names = [variable["name"] for variable in container.get("env") or ()]
    return {"doors": doors, "proxies": [n for n in names if n.lower() in _PROXIES]}


def _doors(containers: Sequence[Object], profile: Profile) -> Iterator[str]:
    for one in containers:
        ports = [port.get("containerPort") for port in one.get("ports") or ()]
        if profile.port in ports and one["name"] != profile.container:
            yield one["name"]


def _scaled(documents: Sequence[Object], name: str) -> Iterator[bool]:
    for found in _named(documents, "HorizontalPodAutoscaler"):
        target = (found.get("spec") or {}).get("scaleTargetRef") or {}
        yield (target.get("kind"), target.get("name")) == ("StatefulSet", name)


def _services(documents: Sequence[Object]) -> Iterator[tuple[str, Json]]:
    for found in _named(documents, "Service"):
        spec = found.get("spec") or {}
        about = {
            "headless": spec.get("clusterIP") == "None",
            "unready_too": bool(spec.get("publishNotReadyAddresses")),
        }
        yield found["metadata"]["name"], about


def _budgets(documents: Sequence[Object], labels: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    for found in _named(documents, "PodDisruptionBudget"):
        wanted = (found["spec"].get("selector") or {}).get("matchLabels") or {}
        yield found["metadata"]["name"], wanted.items() <= labels.items()


def _together(pod: Object) -> str:
    affinity = pod.get("affinity") or {}
    if affinity.get("podAffinity"):
        return "drawn"
    apart = affinity.get("podAntiAffinity") or pod.get("topologySpreadConstraints")
    return "apart" if apart else ""


def _alive(container: Object) -> Json:
    probe = container.get("livenessProbe") or {}
    kind = next((how for how in ("httpGet", "grpc", "exec", "tcpSocket") if how in probe), "")
    program = [*((probe.get("exec") or {}).get("command") or ())]
    return {"kind": kind, "program": program, "path": (probe.get("httpGet") or {}).get("path", "")}


def _prestop(container: Object) -> Json:
    hook = (container.get("lifecycle") or {}).get("preStop") or {}
    seconds = (hook.get("sleep") or {}).get("seconds", 0)
    return {"kind": next(iter(hook), ""), "seconds": seconds}


def _named(documents: Sequence[Object], kind: str, name: str = "") -> Iterator[Object]:
    return (d for d in documents if d["kind"] == kind and name in ("", d["metadata"]["name"]))


def _kind(volume: Object) -> str:
    """Name the volume's source; of a claim that all members share, the claim as well."""
    kind = next((key for key in volume if key != "name"), "emptyDir")
    claim = volume[kind].get("claimName", "") if kind == "persistentVolumeClaim" else ""
    return f"{kind} {claim}".strip()
