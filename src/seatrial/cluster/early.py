"""The first connection to a cluster that kind is still making.

In a thread beside kind: as soon as the API server answers, the watch is opened and the proof is
set up, and what must not lie on a victim (DNS, the volume provisioner) is bound to the control
plane before its first pod is placed.
May import: errors, kube, timing, cluster.engine, cluster.proof.
"""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from seatrial.cluster import records
from seatrial.cluster.engine import Engine
from seatrial.cluster.manifests import Proof
from seatrial.cluster.proof import begin, begin_claim, opened
from seatrial.errors import CannotRun, NotReady, ToolFailed
from seatrial.kube.client import Kube, connect
from seatrial.kube.watch import Stream
from seatrial.timing import limit, poll, wait

_CONFIG = "/etc/kubernetes/admin.conf"
_WAIT = f"until [ -s {_CONFIG} ]; do sleep 0.2; done; cat {_CONFIG}"
"""Waits inside the node: a client started anew for each look would cost what kubeadm needs."""
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_SYSTEM: dict[str, tuple[str, dict[str, Any]]] = {
    # The first look comes too early; the next one would be ten seconds later.
    "coredns": (
        "kube-system",
        {"containers": [{"name": "coredns", "readinessProbe": {"periodSeconds": 1}}]},
    ),
    "local-path-provisioner": ("local-path-storage", {}),
}
"""Deployments that the ground itself needs: namespace, and what we set in their pods.

They tolerate the control plane's taint by the manifests of kubeadm and kind. What is set already
is no change, and so no new pod.
"""


class _Abandoned(Exception):
    """kind failed; nobody waits for us any more."""


class Early:
    """A thread from the start of `kind create` until the cluster is proved or given up."""

    def __init__(self, engine: Engine, control_plane: str, folder: Path, proof: Proof) -> None:
        self._engine, self._node, self._folder, self._proof = engine, control_plane, folder, proof
        self._closing = threading.Event()
        self._found: Future[tuple[Kube, Stream]] = Future()
        self._thread = threading.Thread(target=self._work, name="early", daemon=True)
        self._begun = time.monotonic()
        self.seconds: dict[str, float] = {}

    def __enter__(self) -> Self:
        """Begin to look for the API server."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching, or stop looking."""
        self._closing.set()
        if self._found.done() and self._found.exception() is None:
            self._found.result()[1].close()

    def result(self, seconds: float) -> tuple[Kube, Stream]:
        """Give the connection and the watch, whose proof is set up; raises what went wrong."""
        try:
            return self._found.result(seconds)
        except TimeoutError:
            raise NotReady(
                f"the API server of {self._node} to answer within {seconds:g} s of kind's end",
                seen="no whole list yet",
            ) from None

    def _work(self) -> None:
        try:
            poll(self._no_config, limit("kind creates the nodes"), every=0.5)
            kube = connect(self._kubeconfig())
            stream = opened(kube, self._closing.is_set)
        except (CannotRun, _Abandoned) as error:
            self._found.set_exception(error)
            return
        try:
            self._mark("API server answered")
            begin(kube, self._proof)
            self._settle(kube, stream)
            self._mark("system pods settled")
            begin_claim(kube, stream, self._proof, self._demand_wanted)
            self._mark("a node takes pods")
        except BaseException as error:  # noqa: BLE001 - whoever waits shall have it
            stream.close()
            self._found.set_exception(error)
        else:
            self._found.set_result((kube, stream))

    def _demand_wanted(self) -> None:
        if self._closing.is_set():
            raise _Abandoned

    def _no_config(self) -> str | None:
        self._demand_wanted()
        try:
            port = self._engine.docker("port", self._node, "6443/tcp").split()[0]
            text = self._engine.docker("exec", self._node, "sh", "-c", _WAIT)
        except (ToolFailed, IndexError) as error:
            return f"no {_CONFIG} in {self._node} yet: {error}"
        records.write(self._kubeconfig(), _localised(text, port).encode())
        return None

    def _kubeconfig(self) -> Path:
        return self._folder / "early.kubeconfig"

    def _settle(self, kube: Kube, stream: Stream) -> None:
        place = _place(len(self._proof.nodes))
        for name, (space, spec) in _SYSTEM.items():
            begins, wanted = f"{space}/{name}-", {**spec, **place}
            if not wanted:
                continue

            def missing(seen: Stream, begins: str = begins) -> str | None:
                self._demand_wanted()
                found = any(key.startswith(begins) for key in seen.items("pods"))
                return None if found else f"no pod {begins}… yet"

            wait(stream, missing, limit("cluster is proved"))
            kube.apply([_deployment(name, wanted)], space)

    def _mark(self, what: str) -> None:
        self.seconds[f"kind: {what}"] = round(time.monotonic() - self._begun, 1)


def _deployment(name: str, pod: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"template": {"spec": pod}},
    }


def _place(nodes: int) -> dict[str, Any]:
    """Bind a pod to the control plane, where there is another node to be kept from."""
    return {"nodeSelector": {_CONTROL_PLANE: ""}} if nodes > 1 else {}


def _localised(text: str, port: str) -> str:
    """Let a kubeconfig made for inside the node point at its published port."""
    config = yaml.safe_load(text)
    host = re.sub(r"^0\.0\.0\.0", "127.0.0.1", port)
    config["clusters"][0]["cluster"]["server"] = f"https://{host}"
    return yaml.safe_dump(config)
