"""The catalogue of guarantees, a family a file, in the order in which they are listed.

May import: model, checks.*.
"""

from __future__ import annotations

from seatrial.checks.catalogue import (
    availability,
    config,
    connection,
    durability,
    identity,
    network,
    ordering,
    recovery,
    session,
    storage,
    topology,
)

GUARANTEES = (
    *identity.GUARANTEES,
    *storage.GUARANTEES,
    *ordering.GUARANTEES,
    *topology.GUARANTEES,
    *durability.GUARANTEES,
    *availability.GUARANTEES,
    *recovery.GUARANTEES,
    *session.GUARANTEES,
    *connection.GUARANTEES,
    *config.GUARANTEES,
    *network.GUARANTEES,
)
