"""The configuration centre that a workload names: how it is found, asked, changed and awaited.

May import: nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Centre:
    """What members are configured by: a Deployment behind a Service, both by name.

    The argvs run in a member's container. `ask` prints what the centre answers, and fails when it
    does not. `publish`, with a word behind it, publishes a change; `taken`, with that word, ends
    once the member runs with it and fails when it gives up. Both are empty where nothing is to be
    changed.
    """

    deployment: str
    service: str
    ask: tuple[str, ...]
    publish: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
