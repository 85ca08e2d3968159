"""Modules of a subject's image, imported as its container does, and nothing left in its folder.

May import: places and the standard library.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from seatrial.places import carried


def modules(image: str, *names: str) -> tuple[ModuleType, ...]:
    """Import modules that lie in the folder `image` below fixtures/, such as `xlss/image`."""
    return modules_in(carried("fixtures") / image, *names)


def modules_in(where: Path, *names: str) -> tuple[ModuleType, ...]:
    """Import modules that lie beside each other in a folder."""
    folder, bytecode = str(where), sys.dont_write_bytecode
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    try:
        return tuple(importlib.import_module(name) for name in names)
    finally:
        sys.path.remove(folder)
        sys.dont_write_bytecode = bytecode
