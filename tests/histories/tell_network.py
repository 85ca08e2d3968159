"""Tells histories of the network family: who was reached from outside, and by whom; see tell.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from seatrial import history
from seatrial.testing import Story
from seatrial.testing.looking import Sight, watched

HERE = Path(__file__).parent
AT_NODES = ("network.node-port", "network.source-kept")

TOLD: dict[str, Callable[[], Story]] = {
    "good/looked-from-outside": watched,
    # A Service that is said to keep addresses has the default policy.
    "bad/source-lost": partial(watched, Sight(snat=True), "network.source-kept"),
    # A NodePort leads to a port that nobody listens at.
    "bad/nobody-serves": partial(watched, Sight(dead="door"), "network.node-port"),
    # Members answer callers of the pod network alone.
    "bad/neighbours-only": partial(
        watched, Sight(closed="status 403"), "network.headless-outside", AT_NODES
    ),
    # One member goes out through a proxy that nobody runs.
    "bad/lost-proxy": partial(watched, Sight(lost=1), "network.egress"),
}

if __name__ == "__main__":
    for name, tell in TOLD.items():
        history.write_whole(HERE / f"{name}.jsonl", map(history.line, tell().history().ops))
