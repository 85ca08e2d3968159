"""The kill matrix, kept: which rogue was last met when, by which edition, and what came of it.

Every judged run of a rogue writes what it showed beside the state of this machine, and every
report tells of the guarantees in it. A rogue that was never met here is told as that.
May import: model, history, places, profiles, edition.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from seatrial import __version__, edition, history, places, profiles
from seatrial.errors import CannotRun
from seatrial.model import Json, Verdict

_KEYS = ("verdict", "when", "version", "edition")
Row = dict[str, Any]


def note(run: Path, profile: Mapping[str, Json], verdicts: Sequence[Verdict]) -> None:
    """Keep what a run says of the defect that its profile carries; nothing for an honest one.

    What cannot be kept is not: no verdict depends on it. The newest run of a rogue stands for it.
    """
    breaks = set(profile.get("breaks") or ())
    if not breaks:
        return
    with suppress(CannotRun, OSError):
        when = (history.read_document(run / history.PLAN).get("clock") or {}).get("started", "")
        said = {"when": when, "version": __version__, "edition": edition.ours()}
        kept = _file(str(profile.get("name", "")))
        rows = _read(kept)
        for verdict in verdicts:
            if verdict.guarantee in breaks and rows.get(verdict.guarantee, said)["when"] <= when:
                rows[verdict.guarantee] = {"verdict": verdict.verdict.value, **said}
        kept.parent.mkdir(parents=True, exist_ok=True)
        history.write_whole(kept, [history.document(rows)])


def met(guarantees: Iterable[str]) -> dict[str, list[Row]]:
    """Give the rogues of each guarantee, and how each was last met here.

    A row: rogue, verdict (empty: never met here), when (UTC), version, and `ours`, whether it was
    met with the very code that asks.
    """
    breakers = profiles.breakers()
    return {guarantee: [_row(name, guarantee) for name in breakers.get(guarantee, ())]
            for guarantee in guarantees}  # fmt: skip


def _row(rogue: str, guarantee: str) -> Row:
    kept = _read(_file(rogue)).get(guarantee, dict.fromkeys(_KEYS, ""))
    told = {key: kept[key] for key in _KEYS if key != "edition"}
    return {"rogue": rogue, **told, "ours": kept["edition"] == edition.ours()}


def _read(file: Path) -> dict[str, dict[str, str]]:
    """Read what was kept of a rogue; what is no such file says that nothing was."""
    try:
        found = history.read_document(file)
    except CannotRun:
        return {}
    return {
        name: row
        for name, row in found.items()
        if isinstance(row, dict) and all(isinstance(row.get(key), str) for key in _KEYS)
    }


def _file(rogue: str) -> Path:
    return places.state() / "rogues" / f"{Path(rogue).name or 'unnamed'}.json"
