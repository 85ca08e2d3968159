"""report.json: the whole story as one document, for programs that draw their own picture.

May import: model, history, msgspec, and its neighbours saved and story.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from seatrial import history
from seatrial.report.told import told

FORMAT = 1
"""Grows when a field changes its meaning or goes."""


def write(run: Path) -> Path:
    """Write report.json: the story's fields, `lanes` without the faults that `done` lists."""
    story = msgspec.to_builtins(told(run))
    story["lanes"] = {key: story["lanes"][key] for key in ("lanes", "bars", "end", "hidden")}
    story["verdict"] = story.pop("standing")
    target = run / "report.json"
    history.write_whole(target, [history.document({"format": FORMAT, **story})])
    return target
