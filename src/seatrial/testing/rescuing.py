"""Plays on the fake API server who backs members up and restores them, one step at a time.

May import: testing.{state,stepping}.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from seatrial.testing.state import FakeApi, Object
from seatrial.testing.stepping import stepping

AGENT, STORE, SCHEDULE = "rescuer-x", "store", "5s"
_CLAIMS, _VOLUMES, _SPACE = "persistentvolumeclaims", "persistentvolumes", "x"
_GROUP = "recovery.seatrial.dev"
_MANY = 4
_SLICES = "endpointslices"


@dataclass
class Rescuing:
    """Who backs up and restores: honest, unless told otherwise.

    `lies` calls every backup complete; `hoards` leaves requests; `trusts` takes any key; `deaf`
    makes no backups by a policy. `followed` is the schedule that it knows.
    """

    api: FakeApi
    lies: bool = False
    hoards: bool = False
    trusts: bool = False
    deaf: bool = False
    followed: str = SCHEDULE
    made: int = 0

    def founded(self) -> None:
        """Put there what it looks after: a member with a policy, a store, an agent."""
        api = self.api
        api.define(f"backups.{_GROUP}/v1", "Backup")
        api.define(f"restores.{_GROUP}/v1", "Restore")
        api.put("services", STORE, _SPACE, spec={"selector": {"app": STORE}})
        api.put("pods", AGENT, _SPACE, spec={"nodeName": "n"}, status={"phase": "Running"})
        spec = {"storageClassName": "local", "volumeName": "pvc-0"}
        api.put(_CLAIMS, "data-web-0", _SPACE, spec=spec, status={"phase": "Bound"})
        api.put(_VOLUMES, "pvc-0", spec={"claimRef": {"name": "data-web-0", "namespace": _SPACE}})
        about = {f"{_GROUP}/repository": f"rest:http://{STORE}:8000/web/"}
        about[f"{_GROUP}/schedule"] = SCHEDULE
        volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": "data-web-0"}}]
        own = {"name": "web", "volumeMounts": [{"name": "d", "mountPath": "/data"}]}
        member = {
            "nodeName": "n",
            "volumes": volumes,
            "containers": [own],
            "securityContext": {"runAsUser": 7},
        }
        status = {"phase": "Running"}
        api.put(
            "pods", "web-0", _SPACE, metadata={"annotations": about}, spec=member, status=status
        )

    def step(self) -> bool:
        """Do the next single thing; False when all is as it should be."""
        api = self.api
        return (
            self._reached()
            or any(self._backed_up(key, one) for key, one in api.of("backups").items())
            or any(self._asked(key, one) for key, one in sorted(api.of("restores").items()))
            or any(self._runs(key, one) for key, one in api.of("pods").items())
            or self._scheduled()
            or any(self._reclaimed(key, one) for key, one in api.of(_VOLUMES).items())
        )

    def _reached(self) -> bool:
        before, down = self.api.version, self._down()
        ends = [] if down else [{"addresses": ["10.0.0.1"], "targetRef": {"name": "s", "uid": "s"}}]
        labels = {"kubernetes.io/service-name": STORE}
        self.api.put(_SLICES, "store-1", _SPACE, metadata={"labels": labels}, endpoints=ends)
        return self.api.version != before

    def _down(self) -> bool:
        store = self.api.of("services")[f"{_SPACE}/{STORE}"]
        return len(store["spec"]["selector"]) > 1

    def _backed_up(self, key: str, record: Object) -> bool:
        if "status" in record:
            return False
        whole = {"phase": "Complete", "snapshot": "aaaaaaaa", "files": 2, "bytes": 9, "began": 1.0}
        whole |= {"ended": 2.0, "watermark": {}, "repository": f"rest:http://{STORE}:8000/web/"}
        away = {"phase": "Failed", "message": "the store cannot be reached"}
        status = away if self._down() and not self.lies else whole
        self.api.put("backups", key.split("/")[1], _SPACE, status=status)
        return True

    def _scheduled(self) -> bool:
        """Make the backups that the member's policy asks for, as if periods had passed."""
        member = self.api.of("pods").get(f"{_SPACE}/web-0", {})
        about = (member.get("metadata") or {}).get("annotations") or {}
        schedule = about.get(f"{_GROUP}/schedule") or ""
        if schedule == self.followed:
            return False
        self.followed = schedule
        if schedule.startswith("-"):
            whose = {"kind": "Pod", "name": "web-0", "uid": member["metadata"]["uid"]}
            said = {"reason": "MalformedPolicy", "message": f"a period is wanted, not {schedule}"}
            self.api.put("events", "malformed", _SPACE, involvedObject=whose, **said)
        elif schedule and not self.deaf:
            for _ in range(_MANY):
                self.made += 1
                status = {"phase": "Complete", "began": time.time()}
                spec = {"claim": "data-web-0"}
                self.api.put("backups", f"due-{self.made}", _SPACE, spec=spec, status=status)
        return True

    def _asked(self, key: str, request: Object) -> bool:
        """Take the first request of a claim up, end it when its agent came again, and all go."""
        name, claim = key.split("/")[1], request["spec"]["claim"]
        found = self.api.of(_CLAIMS).get(f"{_SPACE}/{claim}")
        phase = (request.get("status") or {}).get("phase", "")
        if found is None or phase == "Failed":
            return False
        if "volumeName" in found["spec"]:
            if not self.hoards:
                self.api.remove("restores", name, _SPACE)
            return not self.hoards
        return self._goes_on(name, claim, request, phase)

    def _goes_on(self, name: str, claim: str, request: Object, phase: str) -> bool:
        put = self.api.put
        if not phase:
            wrong = "secret" in request["spec"] and not self.trusts
            failed = {"phase": "Failed", "message": "wrong password or no key found"}
            running = {"phase": "Running", "by": AGENT}
            put("restores", name, _SPACE, status=failed if wrong else running)
        elif phase == "Running" and f"{_SPACE}/{AGENT}" in self.api.of("pods") and not self.trusts:
            return False  # It is at it until somebody ends it.
        elif phase == "Running":
            put("restores", name, _SPACE, status={"phase": "Restored"})
        else:
            reference = {"name": claim, "namespace": _SPACE}
            policy = {"persistentVolumeReclaimPolicy": "Delete"}
            put(_VOLUMES, f"pvc-{claim}", spec={"claimRef": reference, **policy})
            put(_CLAIMS, claim, _SPACE, spec={"volumeName": f"pvc-{claim}"})
        return True

    def _runs(self, key: str, pod: Object) -> bool:
        name = key.split("/")[1]
        claim = self.api.of(_CLAIMS).get(f"{_SPACE}/{name}")
        pending = pod.get("status", {}).get("phase") == "Pending"
        if not (pending and claim and "volumeName" in claim["spec"]):
            return False
        self.api.put("pods", name, _SPACE, status={"phase": "Running"})
        return True

    def _reclaimed(self, key: str, volume: Object) -> bool:
        claim = volume["spec"]["claimRef"]["name"]
        if f"{_SPACE}/{claim}" in self.api.of(_CLAIMS):
            return False
        self.api.remove(_VOLUMES, key[1:])
        return True


@contextmanager
def rescued(made: Rescuing) -> Iterator[Rescuing]:
    """Take steps whenever there is one to take, in a thread, while the body runs."""
    made.founded()
    with stepping(made.api, made.step, "fake rescuer"):
        yield made
