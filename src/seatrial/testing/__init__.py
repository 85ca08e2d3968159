"""A fake API server that can be made to misbehave, for tests of whoever watches one.

::

    with fake_api() as api:
        kube = connect(api.kubeconfig(tmp_path / "kubeconfig"))
        with Stream(kube, ("pods",)) as stream, controlled(api):
            api.put("statefulsets", "web", "x", spec={"replicas": 3})
            api.mishap("cut")

It speaks real HTTP on loopback: discovery, lists in pages, watches with bookmarks, create, apply,
patch, scale, delete with grace and preconditions, evictions under a budget, custom resources. It
does not validate, open an exec, or let controllers act. `storm` lets 100,000 transitions and
whatever can go wrong happen to it; the parity test holds it to a real server.
A doorway: may import everything.
"""

from seatrial.testing.kept import Kept
from seatrial.testing.server import fake_api, restartable
from seatrial.testing.sets import controlled, step
from seatrial.testing.state import FakeApi
from seatrial.testing.storm import Weather, storm

__all__ = [
    "FakeApi",
    "Kept",
    "Weather",
    "controlled",
    "fake_api",
    "restartable",
    "step",
    "storm",
]
