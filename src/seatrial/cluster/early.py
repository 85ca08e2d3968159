"""The first connection to a cluster that kind is still making.

In a thread beside kind: as soon as the API server answers, the watch is opened and the proof is
set up, and what must not lie on a victim (DNS, the volume provisioner) is bound to the control
plane before it is placed for the first time.
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

from seatrial.cluster import nodes, records
from seatrial.cluster.engine import Engine
from seatrial.cluster.proof import KINDS, Proof, begin
from seatrial.errors import CannotRun, NotReady, ToolFailed
from seatrial.kube.client import Kube, connect
from seatrial.kube.watch import Stream
from seatrial.timing import limit, poll, wait

_CONFIG = "/etc/kubernetes/admin.conf"
_CONTROL_PLANE = "node-role.kubernetes.io/control-plane"
_PINNED = {
    "coredns": ("kube-system", "coredns-"),
    "local-path-provisioner": ("local-path-storage", "local-path-provisioner-"),
}
"""Deployments that the ground itself needs, and how their pods' names begin."""


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
            poll(self._no_config, limit("kind creates the nodes"), every=0.3)
            kube = connect(self._kubeconfig())
            stream = self._stream(kube)
        except (CannotRun, _Abandoned) as error:
            self._found.set_exception(error)
            return
        try:
            self._mark("API server answered")
            begin(kube, self._proof)
            self._pin(kube, stream)
        except BaseException as error:  # noqa: BLE001 - whoever waits shall have it
            stream.close()
            self._found.set_exception(error)
        else:
            self._mark("system pods bound")
            self._found.set_result((kube, stream))

    def _no_config(self) -> str | None:
        if self._closing.is_set():
            raise _Abandoned
        try:
            text = nodes.read_file(self._engine, self._node, _CONFIG)
            port = self._engine.docker("port", self._node, "6443/tcp").split()[0]
        except (ToolFailed, IndexError) as error:
            return f"no {_CONFIG} in {self._node} yet: {error}"
        records.write(self._kubeconfig(), _localised(text, port).encode())
        return None

    def _kubeconfig(self) -> Path:
        return self._folder / "early.kubeconfig"

    def _stream(self, kube: Kube) -> Stream:
        """Open the watch; until kubeadm has bound our role the server refuses, and we go on."""
        while not self._closing.is_set():
            stream = Stream(kube, KINDS)
            try:
                stream.__enter__()
            except NotReady:
                continue
            return stream
        raise _Abandoned

    def _pin(self, kube: Kube, stream: Stream) -> None:
        if len(self._proof.nodes) == 1:
            return
        for name, (space, start) in _PINNED.items():
            begins = f"{space}/{start}"

            def missing(seen: Stream, begins: str = begins) -> str | None:
                if self._closing.is_set():
                    raise _Abandoned
                found = any(key.startswith(begins) for key in seen.items("pods"))
                return None if found else f"no pod {begins}… yet"

            wait(stream, missing, limit("cluster is proved"))
            kube.patch(f"/apis/apps/v1/namespaces/{space}/deployments/{name}", _bound())

    def _mark(self, what: str) -> None:
        self.seconds[f"kind: {what}"] = round(time.monotonic() - self._begun, 1)


def _bound() -> dict[str, Any]:
    return {"spec": {"template": {"spec": {
        "nodeSelector": {_CONTROL_PLANE: ""},
        "tolerations": [{"key": _CONTROL_PLANE, "operator": "Exists", "effect": "NoSchedule"}],
    }}}}  # fmt: skip


def _localised(text: str, port: str) -> str:
    """Let a kubeconfig made for inside the node point at its published port."""
    config = yaml.safe_load(text)
    host = re.sub(r"^0\.0\.0\.0", "127.0.0.1", port)
    config["clusters"][0]["cluster"]["server"] = f"https://{host}"
    return yaml.safe_dump(config)
