"""Ways of connecting, as a profile declares them: how its clients find and reach its members.

May import: the standard library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """One way: `to` is service:port, `policy` how a channel chooses among addresses.

    One that is not `claimed` is measured, and judged by nobody. Every `resolve` seconds the client
    itself looks the name up; 0 leaves it to gRPC.
    """

    to: str
    policy: str = "pick_first"
    claimed: bool = True
    resolve: float = 0.0


@dataclass(frozen=True)
class Connections:
    """Who calls and how: `client` is a file of Python, `image` an image name that can run it.

    `rate` calls a second and way, of which every `stream_every`-th is a long stream (0: none);
    each must be answered within `deadline` seconds. `calls` a way tell how they spread; within
    `within` seconds callers have found new members, and given up lost ones.
    """

    client: str
    image: str
    ways: Mapping[str, Way]
    rate: float = 50.0
    deadline: float = 3.0
    calls: int = 600
    within: float = 10.0
    stream_every: int = 20
