"""A fake API server that can be made to misbehave, for tests of whoever watches one.

::

    with fake_api() as api:
        kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
        with Stream(kube, ("pods",)) as stream, controlled(api):
            api.put("statefulsets", "web", "x", spec={"replicas": 3})
            api.mishap("cut")

It speaks real HTTP on loopback: discovery, lists, watches with bookmarks, create, apply, patch,
delete with preconditions, evictions under a budget. It does not validate, select by labels, open
an exec, or know who asks.
A doorway: may import everything.
"""

from seatrial.testing.kept import Kept
from seatrial.testing.machine import PaperNode
from seatrial.testing.server import fake_api
from seatrial.testing.sets import controlled, step
from seatrial.testing.state import FakeApi

__all__ = ["FakeApi", "Kept", "PaperNode", "controlled", "fake_api", "step"]
