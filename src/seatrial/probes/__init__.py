"""Read-only views that yield Ops; the table PROBES names them.

May import: model, errors, timing, kube.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from seatrial.probes import backups, identity

PROBES: Mapping[str, Callable[..., None]] = {
    "backups": backups.record,
    "identity": identity.ask,
}
