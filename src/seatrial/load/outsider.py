"""A pod outside the pod network: it calls members by way of nodes and names, and is called by them.

It runs on the driver's node, in that node's own network. A look is one order that it does by
itself, and a page of its own that each member fetches. Ops: process `outside`, kind `look` (over
what was asked), then `reached` (one a round and target); docs/outside.md has their values.
May import: model, outside, errors, timing, kube; load.pod, files of load/driver as text.
Source: Kubernetes, "Using Source IP" (kube-proxy treats what a node itself sends otherwise).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from seatrial.errors import SeatrialError, ToolFailed
from seatrial.kube.client import Kube
from seatrial.kube.objects import Pod
from seatrial.kube.pods import confined
from seatrial.kube.watch import Stream
from seatrial.load.pod import PROGRAM, ROLE
from seatrial.model import Json, Op, Outcome, Profile, Recorder
from seatrial.outside import ANYWHERE, KEPT, Outside
from seatrial.timing import limit

NAME = "outsider"
_ROUNDS = 3
"""How often a member may fetch in vain: a pod that is new has its routes at once."""
_SHORT = 1.0
"""Seconds that a look takes at most once one has shown what does not settle."""
Told = Mapping[str, Any]


def documents(image: str, placement: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the objects to apply; `image` has python3, `placement` keeps it on the driver's node."""
    program = {path.name: path.read_text() for path in sorted(PROGRAM.glob("*.py"))}
    meta = {"name": NAME, "labels": {ROLE: NAME}}
    volumes = [
        {"name": "program", "configMap": {"name": NAME}},
        {"name": "told", "emptyDir": {"sizeLimit": "1Mi"}},
    ]
    # By its resolver it knows the cluster's domain; it asks the servers themselves.
    network = {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}
    spec = {**placement, **network, **confined(_container(image), volumes)}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": program},
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec},
    ]


def _container(image: str) -> dict[str, Any]:
    return {
        "name": NAME,
        "image": image,
        "command": ["python3", "-B", "-u", "/driver/outside.py", "serve", "/told"],
        "readinessProbe": {"exec": {"command": ["test", "-e", "/told/told"]}, "periodSeconds": 1},
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {"requests": {"cpu": "20m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [
            {"name": "program", "mountPath": "/driver", "readOnly": True},
            {"name": "told", "mountPath": "/told"},
        ],
    }


@dataclass
class Outsider:
    """The pod while it stands there; `servers` are the DNS servers' addresses.

    `times` is how often a node that sends callers to any member is asked; `patience` how many
    seconds a look waits for all to be as it should.
    """

    kube: Kube
    stream: Stream
    profile: Profile
    declared: Outside
    recorder: Recorder
    pod: Pod
    servers: Sequence[str]
    times: int
    patience: float
    looks: int = 0
    settled: bool = True
    _told: dict[str, Any] = field(default_factory=dict)

    def look(self, when: str) -> None:
        """Look once, and write down what was seen; what keeps it from that is an Op, too."""
        number, began = self.looks, self.recorder.now()
        self.looks += 1
        try:
            scene = self._scene()
            self._calls(number, scene)
            self._fetches(number, scene)
        except (SeatrialError, LookupError, TypeError, ValueError) as error:
            note = " | ".join(str(error).splitlines()) or repr(error)
            self._write({"look": number, "when": when, "note": note}, began)
            return
        self._write({"look": number, "when": when, **scene, "note": ""}, began)

    def _scene(self) -> dict[str, Json]:
        """Give over what is asked: nodes, members and Services as of now."""
        nodes = self.kube.get("/api/v1/nodes")["items"]
        pods: Mapping[str, Pod] = self.stream.items("pods")
        members = {o: pods.get(f"{self.profile.set}-{o}") for o in self.profile.ordinals}
        return {
            "caller": {"node": self.pod.spec.node_name, "address": self.pod.status.pod_ip},
            "nodes": {n["metadata"]["name"]: address(n) for n in nodes if address(n)},
            "members": {str(o): _member(pod) for o, pod in members.items() if pod and pod.ready},
            "services": {name: self._service(name) for name in self.declared.services},
            "servers": list(self.servers),
            "times": self.times,
        }

    def _service(self, name: str) -> dict[str, Json]:
        home = self.pod.metadata.namespace
        found = self.kube.get(f"/api/v1/namespaces/{home}/services/{name}")["spec"]
        slices = self.stream.items("endpointslices").values()
        own = (s for s in slices if s.metadata.labels.get(_SERVICE) == name)
        places = [e for s in own for e in s.endpoints or () if e.conditions.ready is not False]
        return {
            "promise": self.declared.services[name],
            "type": found.get("type", ""),
            "policy": found.get("externalTrafficPolicy", ""),
            "port": found["ports"][0].get("nodePort", 0),
            "endpoints": len(places),
        }

    def _calls(self, number: int, scene: Told) -> None:
        asked = [*self._at_nodes(scene), *self._by_name(scene)]
        seconds = self.patience if self.settled else _SHORT
        tasks = [{**about, **task} for about, task in asked]
        order = json.dumps({"seconds": seconds, "tasks": tasks})
        began = self.recorder.now()
        rounds = json.loads(self._run("call", order))
        # When the order began inside is not known better than by what came and went around it.
        unsure = max(0.0, self.recorder.now() - began - rounds[-1]["ended"])
        for count, each in enumerate(rounds):
            for (about, _), found in zip(asked, each["found"], strict=True):
                times = began + each["began"], began + each["ended"] + unsure
                value = {"look": number, "round": count, **about, **found}
                self.recorder.write(Op("outside", "reached", Outcome.OK, *times, value, unsure))
        self.settled = rounds[-1]["ended"] < seconds

    def _at_nodes(self, scene: Told) -> Iterator[tuple[dict[str, Json], dict[str, Json]]]:
        """Give whom to ask at nodes: all but our own, which treats its own callers otherwise."""
        members = scene["members"].values()
        for name, service in scene["services"].items():
            kept = service["promise"] == KEPT
            for node, host in scene["nodes"].items():
                if node == scene["caller"]["node"] or not service["port"]:
                    continue
                pods = [m["pod"] for m in members if not kept or m["node"] == node]
                about = {"way": "node-port", "service": name, "node": node}
                times = self.times if service["promise"] == ANYWHERE else 1 + bool(pods)
                wanted = {"answers": bool(pods), "pods": pods, "keeps": kept, "times": times}
                where = {"host": host, "port": service["port"], "path": self.declared.path}
                yield about, {**where, **wanted}

    def _by_name(self, scene: Told) -> Iterator[tuple[dict[str, Json], dict[str, Json]]]:
        """Give which server is asked for which member, who is called then."""
        home = self.pod.metadata.namespace
        for ordinal, member in scene["members"].items():
            for server in scene["servers"]:
                name = f"{member['pod']}.{self.profile.service}"
                about = {"way": "headless", "ordinal": int(ordinal), "server": server}
                where = {"port": self.profile.port, "path": self.declared.path, "times": 1}
                wanted = {"pods": [member["pod"]], "ip": member["ip"]}
                yield about, {"name": f"{name}.{home}.svc", **where, **wanted}

    def _fetches(self, number: int, scene: Told) -> None:
        """Have each member fetch our own page, from inside its container."""
        if not self.declared.fetch:
            return
        told = self._told or json.loads(self._run("told"))
        self._told = told
        with ThreadPoolExecutor(max(1, len(scene["members"]))) as pool:
            fetch = partial(self._fetched, number, told)
            list(pool.map(fetch, map(int, scene["members"]), scene["members"].values()))

    def _fetched(self, number: int, told: Told, ordinal: int, member: Told) -> None:
        url = f"http://{self.pod.status.pod_ip}:{told['port']}/{number}"
        for count in range(_ROUNDS):
            began = self.recorder.now()
            said, error = self._page(member["pod"], url)
            right = said.get("mark") == told["mark"]
            value = {"look": number, "round": count, "way": "egress", "ordinal": ordinal}
            value |= {"pod": member["pod"], "uid": member["uid"], "right": int(right)}
            value |= {"peer": str(said.get("peer", "")), "error": error if not right else ""}
            now = self.recorder.now()
            process = f"outside/{ordinal}"
            self.recorder.write(Op(process, "reached", Outcome.OK, began, now, value))
            if right:
                return

    def _page(self, pod: str, url: str) -> tuple[dict[str, Any], str]:
        where = self.pod.metadata.namespace, pod, self.profile.container
        argv = [*self.declared.fetch, url]
        try:
            said = json.loads(self.kube.run(*where, argv, limit("command in a container")))
        except ToolFailed as error:
            # Only what ended by itself says anything of the network.
            if _ENDED not in error.seen:
                raise
            return {}, (error.seen.strip().splitlines() or ["it failed without a word"])[-1]
        except ValueError:
            return {}, "what came back is no answer of ours"
        return (said, "another server answered") if isinstance(said, dict) else ({}, "no object")

    def _run(self, word: str, order: str = "") -> str:
        home, within = self.pod.metadata.namespace, limit("network is looked at")
        argv = ["python3", "-B", "/driver/outside.py", word, order]
        if word == "told":
            argv = ["cat", "/told/told"]
        return self.kube.run(home, NAME, NAME, argv, within)

    def _write(self, value: Mapping[str, Json], began: float) -> None:
        outcome = Outcome.INFO if value["note"] else Outcome.OK
        self.recorder.write(Op("outside", "look", outcome, began, self.recorder.now(), value))


_SERVICE = "kubernetes.io/service-name"
_ENDED = "exit code"
"""What the kubelet says of a command that failed (client-go, CodeExitError)."""


def address(node: Told) -> str:
    """Give a node's own address; empty when it tells none."""
    told = node.get("status", {}).get("addresses", ())
    return next((str(a["address"]) for a in told if a["type"] == "InternalIP"), "")


def _member(pod: Pod) -> dict[str, Json]:
    meta = pod.metadata
    about = {"pod": meta.name, "uid": meta.uid}
    return {**about, "node": pod.spec.node_name, "ip": pod.status.pod_ip}
