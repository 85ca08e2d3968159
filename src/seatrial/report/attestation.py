"""attestation.json: an in-toto statement that binds the result to the saved files by digest.

A guarantee that is unknown counts as failed: the format's third list is for tests that *passed*
with warnings, and unknown is never a pass. verdicts.json, whose digest is here, tells them apart.
May import: model, history, and its neighbour saved.
Source: in-toto attestation, Statement v1 and predicate test-result v0.1.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from seatrial import history
from seatrial.model import Json, Standing, overall
from seatrial.report.saved import Saved, read

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://in-toto.io/attestation/test-result/v0.1"
_CONFIGURATION = (history.PLAN, history.CLUSTER)
_SUBJECT = (*_CONFIGURATION, history.HISTORY, history.VERDICTS)


def write(run: Path) -> Path:
    """Write attestation.json, unsigned: signing it is the releaser's."""
    target = run / "attestation.json"
    history.write_whole(target, [history.document(_statement(read(run)))])
    return target


def _statement(saved: Saved) -> Json:
    return {
        "_type": STATEMENT,
        "subject": _descriptors(saved.folder, _SUBJECT),
        "predicateType": PREDICATE,
        "predicate": {
            "result": "PASSED" if overall(saved.verdicts) is Standing.HOLDS else "FAILED",
            "configuration": _descriptors(saved.folder, _CONFIGURATION),
            "passedTests": _named(saved, {Standing.HOLDS}),
            "warnedTests": [],
            "failedTests": _named(saved, {Standing.BROKEN, Standing.UNKNOWN}),
        },
    }


def _named(saved: Saved, standings: set[Standing]) -> list[str]:
    return [verdict.guarantee for verdict in saved.verdicts if verdict.verdict in standings]


def _descriptors(folder: Path, names: tuple[str, ...]) -> list[Json]:
    present = [folder / name for name in names if (folder / name).exists()]
    return [
        {"name": path.name, "digest": {"sha256": sha256(path.read_bytes()).hexdigest()}}
        for path in present
    ]
