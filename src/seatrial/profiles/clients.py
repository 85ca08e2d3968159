"""Whether a profile's client file can be one, before anything is deployed.

It is read, never run: what it does is the driver's business, inside the cluster.
May import: the standard library.
"""

from __future__ import annotations

import ast
from pathlib import Path

_CALLS = ("record", "write", "read")
_LARGEST = 256 * 1024
"""Bytes; it travels in a ConfigMap, which holds 1 MiB."""


def unusable(path: Path, name: str) -> str:
    """Say why a file is no client; empty when it defines all that a driver calls."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
    except OSError:
        return f"there is no file {name}"
    if len(data) > _LARGEST:
        return f"{name} has more than {_LARGEST} bytes"
    try:
        data.decode()
        tree = ast.parse(data, name)
    except SyntaxError as error:
        return f"{name}:{error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"{name} is no Python: {error}"
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    lacking = [call for call in _CALLS if call not in defined]
    return f"{name} defines no {', '.join(lacking)}" if lacking else ""
