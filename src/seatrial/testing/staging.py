"""What a fault sees of the set `web` on the fake API server, for tests of faults.

May import: faults.{journal,scene}, kube.{client,watch}, testing.state.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seatrial.faults.journal import Journal
from seatrial.faults.scene import Scene
from seatrial.kube.client import connect
from seatrial.kube.watch import Stream
from seatrial.testing.state import FakeApi


@contextmanager
def staging(
    api: FakeApi, folder: Path, *kinds: str, journal: Journal | None = None, **parts: Any
) -> Iterator[Scene]:
    """Give the scene of the set x/web while these kinds of its namespace are watched.

    `parts` are further fields of the Scene; its journal is the folder's own unless one is given.
    """
    kube = connect(api.kubeconfig(folder / "kubeconfig"))
    lines = journal or Journal(folder / "undo")
    with Stream(kube, kinds, "x") as stream:
        yield Scene(kube, stream, "x", "web", journal=lines, **parts)
