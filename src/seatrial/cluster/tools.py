"""The programs we drive: kind and kubectl, from PATH when new enough, else built.

May import: errors, places, progress, command, nodeimage.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from seatrial import command
from seatrial.cluster.nodeimage.inputs import inputs
from seatrial.cluster.nodeimage.programs import built, kind_module, modules
from seatrial.errors import ToolFailed
from seatrial.progress import Progress

_OLDEST_KIND = (0, 33)


def kind(progress: Progress) -> Path:
    """Give kind 0.33 or newer, building it from its pinned module when PATH has none."""
    found = shutil.which("kind")
    if found and _version(found) >= _OLDEST_KIND:
        return Path(found)
    return built(kind_module(), progress) / "kind"


def kubectl(progress: Progress) -> Path:
    """Give kubectl from PATH, else the one built with the newest Kubernetes."""
    found = shutil.which("kubectl")
    if found:
        return Path(found)
    return built(modules(inputs("1.34"))[0], progress) / "kubectl"


def _version(program: str) -> tuple[int, ...]:
    try:
        found = re.search(r"v(\d+)\.(\d+)", command.run([program, "version"], limit=10))
    except ToolFailed:
        return (0,)
    return (int(found[1]), int(found[2])) if found else (0,)
