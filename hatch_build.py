"""Put the five folders into the wheel, under `seatrial/`.

They are data and are loaded by path, so in a checkout they stay where people look for them.
An editable install answers from the checkout and needs no copy.
May import: the standard library and hatchling.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

CARRIED = ("suites", "experiments", "fixtures", "clusters", "reports")
LEFT_OUT = frozenset({"runs", "__pycache__"})


def carried(root: Path) -> dict[str, str]:
    """Map each file of the five folders to its place in the wheel; made files stay out."""
    files = (file for name in CARRIED for file in sorted((root / name).rglob("*")))
    return {
        str(file): f"seatrial/{file.relative_to(root).as_posix()}"
        for file in files
        if file.is_file() and not LEFT_OUT.intersection(file.relative_to(root).parts)
    }


class CarryTheFolders(BuildHookInterface[Any]):
    """Hatchling calls this before each build."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the folders, except to an editable wheel."""
        if version != "editable":
            build_data["force_include"].update(carried(Path(self.root)))
