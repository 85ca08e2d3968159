"""The pytest plugin: a doorway. `trial` runs one Plan a module; each test asserts one Verdict.

Each hook hands over at once; the mechanism knows nothing of pytest. Nothing here needs a
cluster before a test asks for one, so collecting works anywhere.
May import: everything; heavy parts only inside the fixtures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from seatrial.cluster import Spec
    from seatrial.ground import Ground
    from seatrial.model import Profile, Verdict
    from seatrial.run import Trial

_MARKERS = {
    "disruptive": "breaks nodes, the network or the control plane; runs alone (-n 0)",
    "trial(profile): which subject the module's trial is about",
}
_FAST, _SHAPE, _KUBERNETES = "fast", "three-workers", "1.34"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options, all with one prefix: shorter names are taken by other plugins."""
    group = parser.getgroup("trial", "seatrial: trials of stateful workloads")
    group.addoption("--trial-profile", default="ledger", help="name or path of the subject")
    group.addoption("--trial-seed", type=int, default=1, help="decides every choice of a run")
    group.addoption("--trial-timing", choices=("fast", "default"), default=_FAST)
    group.addoption("--trial-shape", default=_SHAPE, help="shape of a cluster made for this")
    group.addoption("--trial-cluster", default="", help="use (or make) the cluster of this name")
    group.addoption("--trial-keep", choices=("never", "on-failure", "always"), default="never")
    group.addoption("--trial-out", default="reports/runs", help="where run folders go")


def pytest_configure(config: pytest.Config) -> None:
    """Declare our markers, each with its sentence."""
    for name, sentence in _MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {sentence}")
