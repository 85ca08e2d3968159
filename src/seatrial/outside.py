"""How a workload is reached from outside the pod network, and reaches out, as a profile declares.

May import: the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ANYWHERE, KEPT = "anywhere", "kept"
"""What a Service of type NodePort promises: an answer at each node; or one where a member is, and
there alone, with the caller's own address seen by the member."""


@dataclass(frozen=True)
class Outside:
    """Each member answers a GET of `path` with JSON: {"pod": its name, "peer": whom it sees}.

    `services` are Services of type NodePort, by name ANYWHERE or KEPT. `fetch` is an argv that is
    run in a member's container with a URL behind it and prints the answer; empty: nobody goes out.
    """

    path: str
    services: Mapping[str, str]
    fetch: tuple[str, ...] = ()
