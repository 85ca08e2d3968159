"""A member that is really backed up: restic, a store of rclone's, and XLSS's own modules.

The API server is the fake one; the store is started by the words of the store's own manifest.
May import: places, timing, testing.* and the standard library and yaml.
"""

from __future__ import annotations

import contextlib
import http.client
import random
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from seatrial.places import carried
from seatrial.testing import fake_api
from seatrial.testing.carrying import modules
from seatrial.testing.rehoming import CLAIM, GROUP, SPACE, Ground
from seatrial.timing import Limit, poll

(
    acting,
    api_of,
    asking,
    contract,
    copying,
    engine,
    founding,
    inspecting,
    metrics,
    rescuer,
    timetable,
) = modules(
    "xlss/image",
    "xlss.acting",
    "xlss.api",
    "xlss.asking",
    "xlss.contract",
    "xlss.copying",
    "xlss.engine",
    "xlss.founding",
    "xlss.inspecting",
    "xlss.metrics",
    "xlss.rescuer",
    "xlss.timetable",
)
KEY, NAME = "key", "ledger"
LACKING = [one for one in ("restic", "rclone") if shutil.which(one) is None]
"""Programs that are wanted and not on the path."""
_SOON = Limit("the store answers", 60)
Content = dict[str, bytes]


def _free() -> int:
    """Give a port that is free, of those that no outgoing connection is ever given meanwhile."""
    for port in random.SystemRandom().sample(range(20000, 32000), 100):
        with socket.socket() as found, contextlib.suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port
    raise OSError("of a hundred ports none is free")


@dataclass
class Store:
    """A store that serves the folder `root`, or does not at the moment."""

    root: Path
    port: int = field(default_factory=_free)
    child: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What a policy calls its repository."""
        return f"rest:http://127.0.0.1:{self.port}/{NAME}/"

    @property
    def repository(self) -> Path:
        """Where its files lie."""
        return self.root / NAME

    def start(self, *more: str) -> None:
        """Found it as its first container does, and serve as its second does."""
        self.root.mkdir(exist_ok=True)
        founding.founded(self.root, NAME, KEY)
        founding.set_aside(self.root, NAME)
        (own,) = pod_of_store()["containers"]
        words = [word for word in own["command"] if word not in {":8000", "/store", "--addr"}]
        argv = [*words, *more, "--config", "", "--addr", f"127.0.0.1:{self.port}", str(self.root)]
        log = (self.root.parent / "store.log").open("ab")
        with log:
            self.child = subprocess.Popen(argv, stdout=log, stderr=log)  # noqa: S603
        poll(self._deaf, _SOON)

    def stop(self) -> None:
        """End it as a machine does that loses its power."""
        if self.child:
            self.child.kill()
            self.child.wait()
            self.child = None

    def packs(self) -> set[Path]:
        """Give the files that hold what was backed up."""
        return set(self.repository.glob("data/*/*"))

    def _deaf(self) -> str | None:
        if self.child is None or self.child.poll() is not None:
            return f"it has ended: {(self.root.parent / 'store.log').read_text()[-300:]}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(connection):
            try:
                connection.request("HEAD", f"/{NAME}/config")
                status = connection.getresponse().status
            except (OSError, http.client.HTTPException) as error:
                return repr(error)
        return None if status == http.client.OK else f"it answers {status}"


def pod_of_store() -> dict[str, Any]:
    """Give the spec of the store's own pod, as its manifest has it."""
    manifest = carried("fixtures") / "xlss" / "manifests" / "store.yaml"
    (found,) = [
        one for one in yaml.safe_load_all(manifest.read_text()) if one["kind"] == "Deployment"
    ]
    spec: dict[str, Any] = found["spec"]["template"]["spec"]
    return spec


class BackedUp:
    """One member on n1 whose volume is a folder of ours, and who backs it up and restores it."""

    good: Content

    def __init__(self, ground: Ground, store: Store, folder: Path) -> None:
        self.ground, self.api, self.store, self.folder = ground, ground.api, store, folder
        self.tried = 0
        (folder / "ran").touch()
        for name in ("b1", "b2"):
            self.api.remove("backups", name, SPACE)
        self.volume = folder / "n1" / "pvc-0"
        self.volume.mkdir(parents=True)
        (folder / "n2").mkdir()
        self.api.put("secrets", KEY, SPACE, data={"key": "a2V5"})
        self.annotated(repository=store.url)

    @property
    def ran(self) -> list[str]:
        """Tell which commands ran in the member's container, whoever asked for them."""
        return (self.folder / "ran").read_text().split()

    def annotated(self, **more: str) -> None:
        """Give the member a policy: its own, with these changes."""
        own = {"schedule": "1h", "key-secret": KEY, "quiesce": "quiet", "resume": "loud", **more}
        about = {f"{GROUP}/{key}": value for key, value in own.items()}
        meta = {"annotations": about}
        self.api.put("pods", "ledger-1", SPACE, metadata=meta, status={"phase": "Running"})

    def write(self, **files: bytes) -> Content:
        """Write files of the member's, and give all that its volume holds then."""
        for name, data in files.items():
            (self.volume / name).write_bytes(data)
        return content(self.volume)

    def seen(self, later: float = 0.0) -> Any:
        """Give what whoever watches the server sees now, as of some seconds later."""
        return contract.Seen(SPACE, time.time() + later, **self.ground.objects())

    def agent(self, node: str = "n1", name: str = "", api: Any = None, **more: Any) -> Any:
        """Give a node's agent as it is after its start; it is a pod of its own."""
        own = name or f"agent-{node}"
        self.api.put("pods", own, SPACE, spec={"nodeName": node, "containers": []})
        server = api or api_of.Api(self.api.host)
        actor = acting.Actor(server, SPACE, "agent", tell=lambda _: None)
        root = self.folder / node
        copier = copying.Copier(
            server, SPACE, own, node, root, self._run, **{"limit": 600.0, **more}
        )
        return rescuer.Rescuer(actor, copier, metrics.Metrics(), lambda: None)

    def kept_up(self, agent: Any, seen: Any) -> bool:
        """Let an agent back up what is due, and wait until that is done; whether anything was."""
        began = agent.keep_up(seen) is None
        for thread in threading.enumerate():
            if thread.name == CLAIM:
                thread.join()
        return began

    def back_up(self, agent: Any = None) -> dict[str, Any]:
        """Have one backup made now; gives the status of its record."""
        agent, seen = agent or self.agent(), self.seen()
        (policy,), _ = timetable.policies(seen.pods.values(), "n1")
        known = set(self.api.of("backups"))
        agent.copier.back_up(seen, timetable.Job(0.0, policy.claim, policy))
        (made,) = set(self.api.of("backups")) - known
        status: dict[str, Any] = self.api.of("backups")[made]["status"]
        return status

    def asked(self, snapshot: str = "newest") -> str:
        """Ask for a restore on n2 into a new claim; gives the request's name, once it is placed."""
        self.tried += 1
        name, claim = f"r{self.tried}", f"copy-{self.tried}"
        self.api.put("persistentvolumeclaims", claim, SPACE, spec={})
        spec = {"claim": claim, "source": CLAIM, "snapshot": snapshot}
        self.api.put("restores", name, SPACE, spec=spec)
        seen = self.seen()
        actor = acting.Actor(api_of.Api(self.api.host), SPACE, "steward", tell=lambda _: None)
        actor.act(asking.asked(seen, seen.restores[name], seen.claims[claim], "n2"))
        return name

    def restored(self, snapshot: str = "newest") -> tuple[str, Content]:
        """Restore on n2; gives what the request says, and what its directory holds."""
        name = self.asked(snapshot)
        self.agent("n2").answer(self.seen())
        return self.came_of(name)

    def came_of(self, name: str) -> tuple[str, Content]:
        """Give what a request says of itself, and what its directory holds."""
        request = self.api.of("restores")[f"{SPACE}/{name}"]
        status = request["status"]
        own = f"{status.get('volume', '')}_{SPACE}_{request['spec']['claim']}"
        folder = self.folder / "n2" / own
        said = f"{status['phase']}: {status.get('message', '')}"
        return said, content(folder) if folder.exists() else {}

    def _run(self, _api: Any, _pod: str, _container: str, argv: Any) -> str:
        with (self.folder / "ran").open("a") as log:
            log.write(f"{argv[0]}\n")
        return ""


def patient(patch: pytest.MonkeyPatch, state: Path) -> None:
    """Let restic keep what it keeps in a folder, and a store that has little to run on answer."""
    patch.setattr(engine, "STATE", state)
    patch.setattr(copying, "_ASK", 120.0)
    patch.setattr(inspecting, "_PATIENCE", 120.0)


@contextmanager
def backed_up(patch: pytest.MonkeyPatch, folder: Path) -> Iterator[BackedUp]:
    """Give a member with one good backup, whose content is `good`, in a store that serves."""
    patient(patch, folder)
    with fake_api() as api, serving(folder / "store") as store:
        made = BackedUp(Ground(api, alone=True), store, folder)
        made.good = made.write(token=b"t", ledger=b"first\n")
        if made.back_up()["phase"] != "Complete":
            raise AssertionError("the first backup of all failed")
        yield made


def content(folder: Path) -> Content:
    """Give what a folder holds, file by file."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@contextmanager
def serving(root: Path) -> Iterator[Store]:
    """Run a store for a while."""
    store = Store(root)
    store.start()
    try:
        yield store
    finally:
        store.stop()
