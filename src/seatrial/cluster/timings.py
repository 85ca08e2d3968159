"""Timing profiles, made of published knobs only, and what a running cluster really has of them.

`default` sets nothing at all: what Kubernetes ships is what is tried. `fast` shortens how long a
dead node stays unnoticed. Either way the effective values are read back from the cluster, flags
from the command lines of the static pods (the programs' own `--help` gives what is not set) and
the kubelets' from their configz, and a value that is not what was asked for is an error.
Source: kubernetes.io, "Nodes", "Taints and Tolerations", KubeletConfiguration v1beta1.
May import: errors, kube, timing, cluster.ground.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import yaml

from seatrial.cluster.ground import unknown
from seatrial.errors import CannotRun
from seatrial.kube.client import ApiFailed, Kube
from seatrial.timing import limit

_SERVER, _MANAGER, _KUBELET = "kube-apiserver", "kube-controller-manager", "kubelet"
_READ: Mapping[str, tuple[str, ...]] = {
    _SERVER: (
        "default-not-ready-toleration-seconds",
        "default-unreachable-toleration-seconds",
    ),
    _MANAGER: ("node-monitor-period", "node-monitor-grace-period"),
    _KUBELET: (
        "nodeLeaseDurationSeconds",
        "nodeStatusUpdateFrequency",
        "nodeStatusReportFrequency",
    ),
}
"""Which knobs are read back of each program, whether or not a profile sets them."""
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"([\d.]+)(h|ms|m|s|us|µs|ns)")

Effective = dict[str, dict[str, float]]
"""Seconds by program and knob, as cluster.json holds them."""


@dataclass(frozen=True)
class Timing:
    """A named set of knobs: each program's settings as they are written, by name."""

    name: str
    sentence: str
    settings: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)

    @property
    def wanted(self) -> Effective:
        """The settings in seconds."""
        return {
            program: {name: seconds(value) for name, value in knobs.items()}
            for program, knobs in self.settings.items()
        }


_FAST: Mapping[str, Mapping[str, str | int]] = {
    _SERVER: {
        "default-not-ready-toleration-seconds": "2",
        "default-unreachable-toleration-seconds": "2",
    },
    _MANAGER: {"node-monitor-period": "500ms", "node-monitor-grace-period": "10s"},
    # The lease is renewed every quarter of its duration: ten renewals fit into the grace period.
    # Without a report frequency the whole status would be sent as often as it is computed.
    _KUBELET: {
        "nodeLeaseDurationSeconds": 4,
        "nodeStatusUpdateFrequency": "1s",
        "nodeStatusReportFrequency": "5m0s",
    },
}

TIMINGS: Mapping[str, Timing] = {
    timing.name: timing
    for timing in (
        Timing("default", "What Kubernetes ships: a dead node is noticed after about 50 s"),
        Timing("fast", "A dead node is noticed after 10 s, its pods leave 2 s later", _FAST),
    )
}


def timing(name: str) -> Timing:
    """Give a timing profile by name. Raises BadInput with the nearest name."""
    if name not in TIMINGS:
        raise unknown("timing", name, TIMINGS)
    return TIMINGS[name]


def patches(
    wanted: Timing, flags: Mapping[str, str], volumes: Iterable[Mapping[str, object]]
) -> list[str]:
    """Give the kubeadm patches of a kind configuration that set the knobs.

    `flags` and `volumes` are what the API server is given besides. kubeadm's v1beta3 takes
    extraArgs as a map, v1beta4 (kind's choice from 1.36 on) as a list; kind drops the patch whose
    version it does not write.
    """
    server = {**wanted.settings.get(_SERVER, {}), **flags}
    manager = dict(wanted.settings.get(_MANAGER, {}))
    listed = [
        [{"name": n, "value": str(v)} for n, v in knobs.items()] for knobs in (server, manager)
    ]
    mounts = [dict(volume) for volume in volumes]
    documents = [
        _cluster_patch("v1beta3", server, manager, mounts),
        _cluster_patch("v1beta4", listed[0], listed[1], mounts),
    ]
    if kubelet := wanted.settings.get(_KUBELET):
        documents.append({"kind": "KubeletConfiguration", **kubelet})
    return [yaml.safe_dump(document, sort_keys=False) for document in documents]


def _cluster_patch(
    version: str, server: object, manager: object, mounts: object
) -> dict[str, object]:
    return {
        "kind": "ClusterConfiguration",
        "apiVersion": f"kubeadm.k8s.io/{version}",
        "apiServer": {"extraArgs": server, "extraVolumes": mounts},
        "controllerManager": {"extraArgs": manager},
    }


def seconds(value: str | float) -> float:
    """Read a Go duration ("1m30s") or a bare number of seconds."""
    if isinstance(value, int | float):
        return float(value)
    if parts := _PART.findall(value):
        return sum(float(number) * _UNITS[unit] for number, unit in parts)
    return float(value)


def effective(kube: Kube, control_plane: str, nodes: Iterable[str]) -> Effective:
    """Read every knob back from the running cluster.

    Raises CannotRun when the kubelets differ among each other.
    """
    names = list(nodes)
    with ThreadPoolExecutor(2 + len(names)) as pool:
        programs = {
            program: pool.submit(_flags, kube, program, control_plane)
            for program in (_SERVER, _MANAGER)
        }
        kubelets = {name: pool.submit(_kubelet, kube, name) for name in names}
        found = {program: future.result() for program, future in programs.items()}
        each = {name: future.result() for name, future in kubelets.items()}
    return {**found, _KUBELET: _agreed(each)}


def check(wanted: Timing, found: Effective) -> None:
    """Raise CannotRun unless every knob that the profile sets is in force."""
    for program, knobs in wanted.wanted.items():
        for name, value in knobs.items():
            if (seen := found.get(program, {}).get(name)) != value:
                raise CannotRun(
                    f"{program} to run with {name} = {value:g} s (timing {wanted.name})",
                    seen="no such setting" if seen is None else f"{seen:g} s",
                    remedy="a shape's own kubeadm patches may set it too: take that out",
                )


def _agreed(each: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    first, values = next(iter(each.items()))
    for name, other in each.items():
        if other != values:
            raise CannotRun(
                "the same timings in the kubelet of every node",
                seen=f"{first}: {values}; {name}: {other}",
            )
    return dict(values)


def _kubelet(kube: Kube, node: str) -> dict[str, float]:
    config = kube.get(f"/api/v1/nodes/{node}/proxy/configz")["kubeletconfig"]
    return {name: seconds(config[name]) for name in _READ[_KUBELET] if name in config}


def _flags(kube: Kube, program: str, control_plane: str) -> dict[str, float]:
    pod = f"{program}-{control_plane}"
    argv = kube.get(f"/api/v1/namespaces/kube-system/pods/{pod}")["spec"]["containers"][0][
        "command"
    ]
    found = flags(argv, _READ[program])
    if missing := [name for name in _READ[program] if name not in found]:
        found |= defaults(_help(kube, pod, program), missing)
    return found


def _help(kube: Kube, pod: str, program: str) -> str:
    try:
        within = limit("command in a container")
        return kube.run("kube-system", pod, program, [program, "--help"], within)
    except (CannotRun, ApiFailed):
        return ""


def flags(argv: Iterable[str], names: Iterable[str]) -> dict[str, float]:
    """Read the named flags, in seconds, from a command line."""
    pairs = dict(word.removeprefix("--").split("=", 1) for word in argv if "=" in word)
    return {name: seconds(pairs[name]) for name in names if name in pairs}


def defaults(text: str, names: Iterable[str]) -> dict[str, float]:
    """Read what a program's `--help` says of flags that are not set, in seconds."""
    found = {}
    for name in names:
        said = re.search(rf"--{name}\s(?:(?!\n\s+--)[\s\S])*?\(default ([^)]+)\)", text)
        if said:
            found[name] = seconds(said[1])
    return found
