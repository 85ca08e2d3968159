"""Backups of the model basin: folders, told by the custom resources of docs/recovery.md.

May import: errors, testing.{crew,state,stepping}.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seatrial.testing.crew import SET, Members
from seatrial.testing.state import FakeApi
from seatrial.testing.stepping import stepping

GROUP = "recovery.seatrial.dev"


@dataclass
class Store:
    """Where the backups are; `refusal` is what it says to everybody, empty while all is well.

    With `empty` it makes backups of nothing; with `forgets` it brings nothing back and says no
    word.
    """

    api: FakeApi
    folder: Path
    members: Members
    refusal: str = ""
    empty: bool = False
    forgets: bool = False

    @contextmanager
    def working(self) -> Iterator[None]:
        """Make each backup that is asked for, in a thread, while the body runs."""
        self.folder.mkdir()
        self.api.define(f"backups.{GROUP}/v1", "Backup")
        with stepping(self.api, self.step, "store"):
            yield

    def step(self) -> bool:
        """Make one backup that was asked for; says whether there was one."""
        asked = {key: one for key, one in self.api.of("backups").items() if "status" not in one}
        for key, one in asked.items():
            space, name = key.split("/")
            status = self._backed_up(int(one["spec"]["claim"].rpartition("-")[2]), name)
            made = {"creationTimestamp": datetime.now(UTC).isoformat()}
            self.api.put("backups", name, space, status=status, metadata=made)
        return bool(asked)

    def restore(self, ordinal: int) -> str:
        """Fill an empty disk before its member starts; says why it must not start."""
        disk = self.members.data(ordinal)
        own = self._snapshots(ordinal)
        if (disk / "token").exists() or self.forgets or not (own or self.refusal):
            return ""
        if self.refusal:
            return self.refusal
        shutil.copytree(self.folder / own[-1], disk, dirs_exist_ok=True)
        claims = self.api.of("persistentvolumeclaims")
        claim = next(one for key, one in claims.items() if key.endswith(f"/data-{SET}-{ordinal}"))
        told = {f"{GROUP}/restored": json.dumps({"snapshot": own[-1]})}
        volume = claim["spec"]["volumeName"]
        self.api.put("persistentvolumes", volume, metadata={"annotations": told})
        return ""

    def said(self, ordinal: int, argv: Sequence[str]) -> str:
        """Answer one of the argvs of the profile's `ask`."""
        if argv[0] in {"hostname", "leader"}:
            return f"{SET}-{ordinal if argv[0] == 'hostname' else 1}"
        return (self.members.data(ordinal) / "token").read_text()

    def _snapshots(self, ordinal: int) -> list[str]:
        """Give a member's snapshots, the newest last."""
        found = [
            one
            for one in self.api.of("backups").values()
            if one["spec"]["claim"] == f"data-{SET}-{ordinal}"
            and one.get("status", {}).get("phase") == "Complete"
        ]
        return [one["status"]["snapshot"] for one in sorted(found, key=_began)]

    def _backed_up(self, ordinal: int, name: str) -> dict[str, Any]:
        """Keep what a member holds now; gives the status that the backup gets."""
        if self.refusal:
            return {"phase": "Failed", "message": self.refusal}
        began = time.time()
        held = (self.members.data(ordinal) / "ledger").read_bytes()
        held = b"" if self.empty else held[: held.rfind(b"\n") + 1]
        shutil.copytree(self.members.data(ordinal), self.folder / name)
        (self.folder / name / "ledger").write_bytes(held)
        records = map(json.loads, held.splitlines())
        marks = {one["writer"]: [one["seq"], one["crc"]] for one in records}
        told = {"snapshot": name, "watermark": marks, "began": began, "ended": time.time()}
        return {**told, "phase": "Complete", "files": 2, "bytes": len(held)}


def _began(backup: dict[str, Any]) -> float:
    return float(backup["status"]["began"])
