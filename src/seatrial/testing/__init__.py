"""A fake API server that can be made to misbehave, for tests of whoever watches one.

::

    with fake_api() as api:
        kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
        with Stream(kube, ("pods",)) as stream, controlled(api):
            api.put("statefulsets", "web", "x", spec={"replicas": 3})
            api.mishap("cut")

It speaks real HTTP on loopback: discovery, lists, watches with bookmarks, create, apply, patch,
delete with preconditions, evictions under a budget, a proxy to pods that listen on loopback. It
does not validate, open an exec, or know who asks.
`driver_kubelet` runs the driver's pod there as a child process; `fake_dns` answers its questions.
A doorway: may import everything.
"""

from seatrial.testing.kept import Kept
from seatrial.testing.kubelet import driver_kubelet
from seatrial.testing.machine import PaperNode
from seatrial.testing.names import FakeDns, fake_dns
from seatrial.testing.server import fake_api
from seatrial.testing.sets import controlled, step
from seatrial.testing.state import FakeApi
from seatrial.testing.story import Story

__all__ = [
    "FakeApi",
    "FakeDns",
    "Kept",
    "PaperNode",
    "Story",
    "controlled",
    "driver_kubelet",
    "fake_api",
    "fake_dns",
    "step",
]
