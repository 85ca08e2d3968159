"""A fake API server that can be made to misbehave, for tests of whoever watches one.

::

    with fake_api() as api:
        kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
        with Stream(kube, ("pods",)) as stream, controlled(api):
            api.put("statefulsets", "web", "x", spec={"replicas": 3})
            api.mishap("cut")

It speaks real HTTP on loopback: discovery, lists in pages, watches with bookmarks, create, apply,
patch, scale, delete with grace and preconditions, evictions under a budget, custom resources, a
proxy to pods that listen on loopback. It does not validate, open an exec, or let controllers act.
`storm` lets 100,000 transitions and whatever can go wrong happen to it; the parity test holds it
to a real server. `driver_kubelet` runs the driver's pod there as a child process; `fake_dns`
answers its questions. `seatrial.testing.basin` runs whole drills on it.
A doorway: may import everything.
"""

from seatrial.testing.churning import churns, declares, gets_its_set_again, loses_its_set
from seatrial.testing.kept import Kept
from seatrial.testing.killing import forgets, kills, loses_power
from seatrial.testing.kubelet import driver_kubelet
from seatrial.testing.losing import gets_its_disk_back, loses_claim, tells_cluster
from seatrial.testing.machine import PaperNode
from seatrial.testing.names import FakeDns, fake_dns
from seatrial.testing.ordered import Ordered
from seatrial.testing.revised import Revised, revised
from seatrial.testing.server import fake_api, restartable
from seatrial.testing.sets import controlled, step
from seatrial.testing.state import FakeApi
from seatrial.testing.stopping import Stopping
from seatrial.testing.storm import Weather, storm
from seatrial.testing.story import Story

__all__ = [
    "FakeApi",
    "FakeDns",
    "Kept",
    "Ordered",
    "PaperNode",
    "Revised",
    "Stopping",
    "Story",
    "Weather",
    "churns",
    "controlled",
    "declares",
    "driver_kubelet",
    "fake_api",
    "fake_dns",
    "forgets",
    "gets_its_disk_back",
    "gets_its_set_again",
    "kills",
    "loses_claim",
    "loses_its_set",
    "loses_power",
    "restartable",
    "revised",
    "step",
    "storm",
    "tells_cluster",
]
