"""Plays the kubelet for the pod `driver` on the fake API server: its program runs as a child.

What the pod mounts is laid out from the ConfigMaps that were applied, so a file that is missing
there is missing here.
May import: testing.{state,sets}, load.pod and the standard library.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seatrial.load.pod import NAME
from seatrial.testing.sets import READY
from seatrial.testing.state import FakeApi, Object


@dataclass
class Kubelet:
    """`change` is given the job before it is written: a test's members are at loopback ports."""

    api: FakeApi
    folder: Path
    change: Callable[[dict[str, Any]], Any]
    child: subprocess.Popen[str] | None = None
    over: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Start each pod `driver` once it is there."""
        while found := self._awaited():
            space, pod = found
            self._lay_out(space, pod)
            self.start(space)

    def start(self, space: str) -> None:
        """Start the program, and tell that the pod is Ready, or how it ended."""
        client = self.folder / "client" / "client.py"
        env = {
            **os.environ,
            "DRIVER_JOB": str(self.folder / "job" / "job.json"),
            "DRIVER_CLIENT": str(client) if client.exists() else "",
            "DRIVER_SPOOL": str(self.folder / "spool"),
            "DRIVER_PORT": "0",
        }
        argv = [sys.executable, "-B", "-u", str(self.folder / "program" / "main.py")]
        self.child = subprocess.Popen(  # noqa: S603 - our own program
            argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        line = self.child.stdout.readline() if self.child.stdout else ""
        if line:
            self.api.ports[f"{space}/{NAME}"] = json.loads(line)["listening"]
        self.api.put("pods", NAME, space, status=READY if line else self._ended())

    def stop(self) -> None:
        """End the child at once, as losing its node does."""
        if self.child:
            self.child.kill()
            self.child.communicate()

    def _ended(self) -> Object:
        said = self.child.communicate()[1] if self.child else ""
        state = {"terminated": {"reason": "Error", "message": said}}
        return {"phase": "Running", "containerStatuses": [{"name": NAME, "state": state}]}

    def _awaited(self) -> tuple[str, Object] | None:
        with self.api.changed:
            self.api.changed.wait_for(lambda: self.over.is_set() or self._new())
            return None if self.over.is_set() else self._new()[0]

    def _new(self) -> list[tuple[str, Object]]:
        pods = self.api.of("pods").items()
        return [
            (key.split("/")[0], pod)
            for key, pod in pods
            if key.endswith(f"/{NAME}") and pod["status"] == {"phase": "Pending"}
        ]

    def _lay_out(self, space: str, pod: Object) -> None:
        (self.folder / "spool").mkdir(parents=True, exist_ok=True)
        for volume in pod["spec"]["volumes"]:
            if name := volume.get("configMap", {}).get("name"):
                data = self.api.of("configmaps")[f"{space}/{name}"].get("data", {})
                (self.folder / volume["name"]).mkdir(exist_ok=True)
                for file, text in data.items():
                    (self.folder / volume["name"] / file).write_text(text)
        path = self.folder / "job" / "job.json"
        todo = json.loads(path.read_text())
        self.change(todo)
        path.write_text(json.dumps(todo))


@contextmanager
def driver_kubelet(
    api: FakeApi, folder: Path, change: Callable[[dict[str, Any]], Any]
) -> Iterator[Kubelet]:
    """Start the driver's program whenever its pod is applied, while the body runs."""
    kubelet = Kubelet(api, folder, change)
    thread = threading.Thread(target=kubelet.run, name="fake kubelet")
    thread.start()
    try:
        yield kubelet
    finally:
        with api.changed:
            kubelet.over.set()
            api.changed.notify_all()
        thread.join()
        kubelet.stop()
