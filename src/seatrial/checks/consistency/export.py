"""A history in the forms that other judges read: elle-cli and Knossos, and porcupine.

elle-cli (ligurio/elle-cli, README "Supported models") reads one JSON list of events. Its
rw-register judges transactions of many keys, its cas-register (Knossos) one key.
porcupine (anishathalye/porcupine, model.go) reads nothing by itself; the Go program of our bench
reads the lines written here.
May import: errors, model, msgspec, numpy and the standard library.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np

from seatrial.checks.consistency.columns import CAS, FAIL, OK, READ, Columns
from seatrial.checks.consistency.jsonl import told
from seatrial.errors import BadHistory
from seatrial.model import Json

Form = Callable[[dict[str, Json]], tuple[str, Json]]
"""What an event does and with what value, in the words of another judge."""

_NANOSECONDS = 1_000_000_000
FOREVER = 2**62
"""The time, in ns, at which porcupine is told that an open operation ended."""


def rw_register(columns: Columns) -> bytes:
    """Give the JSON list that elle-cli reads with `--model rw-register`: each a transaction of one.

    Raises BadHistory for a compare-and-set, which that model does not have.
    """
    if (columns.kind == CAS).any():
        row = int(np.argmax(columns.kind == CAS))
        raise BadHistory("reads and writes alone", seen=columns.tell(row))
    return _listed(columns, lambda event: ("txn", [[event["f"][0], event["key"], event["value"]]]))


def cas_register(columns: Columns) -> bytes:
    """Give the JSON list that elle-cli reads with `--model cas-register`, `register` likewise.

    Raises BadHistory for a history of several keys: Knossos judges one.
    """
    keys = np.unique(columns.key)
    if len(keys) > 1:
        raise BadHistory("a history of one key", seen=f"{len(keys)} keys")
    return _listed(columns, lambda event: (event["f"], event["value"]))


def _listed(columns: Columns, form: Form) -> bytes:
    return msgspec.json.encode(
        [_event(event, place, *form(event)) for place, event in enumerate(told(columns))]
    )


def _event(event: dict[str, Json], place: int, f: str, value: Json) -> dict[str, Json]:
    time = round(event["time"] * _NANOSECONDS)
    same = {"process": event["process"], "type": event["type"], "time": time, "index": place}
    return {**same, "f": f, "value": value}


def porcupine(columns: Columns) -> bytes:
    """Give one JSON object of equally long lists: process, kind, key, value, call, return.

    Times are nanoseconds; codes as in Columns. What certainly did not happen and reads without an
    answer are left out, what is open ends at FOREVER. Raises BadHistory for a compare-and-set.
    """
    if (columns.kind == CAS).any():
        raise BadHistory("reads and writes alone", seen=columns.tell(int(columns.kind.argmax())))
    rows = np.where(columns.kind == READ, columns.outcome == OK, columns.outcome != FAIL)
    ended = np.minimum(columns.completed[rows] * _NANOSECONDS, FOREVER)
    return msgspec.json.encode(
        {
            "process": columns.process[rows].tolist(),
            "kind": columns.kind[rows].tolist(),
            "key": columns.key[rows].tolist(),
            "value": columns.value[rows].tolist(),
            "call": np.rint(columns.invoked[rows] * _NANOSECONDS).astype(np.int64).tolist(),
            "return": np.rint(ended).astype(np.int64).tolist(),
        }
    )
