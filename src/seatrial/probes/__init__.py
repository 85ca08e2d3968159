"""Read-only views that yield Ops; the table PROBES names them.

May import: model, errors, timing, kube.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from seatrial.probes import backups, identity, runtime, stewards

PROBES: Mapping[str, Callable[..., Any]] = {
    "backups": backups.record,
    "identity": identity.ask,
    "runtime": runtime.witnessed,
    "stewards": stewards.look,
}
