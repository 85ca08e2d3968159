"""Whether the programs that a profile names can be what they are to be, before anything runs.

They are read, never run: what a client does is the driver's business, inside the cluster, what a
controller does that of its own process.
May import: the standard library.
"""

from __future__ import annotations

import ast
from pathlib import Path

_CALLS = ("record", "write", "read")
_CONNECTS = ("connect", "call", "counts")
OF_MODELS = {
    "register": ("get", "put"),
    "bank": ("open_bank", "transfer", "balances"),
    "session": ("get", "put"),
}
"""What a client must define besides, for who claims durability.<the model>."""
_LARGEST = 256 * 1024
"""Bytes; a client travels in a ConfigMap, which holds 1 MiB."""


def unusable(path: Path, name: str) -> str:
    """Say why a file is no client; empty when it defines all that a driver calls."""
    tree, wrong = _read(path, name)
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    lacking = [call for call in _CALLS if call not in defined]
    return wrong or (f"{name} defines no {', '.join(lacking)}" if lacking else "")


def visitless(path: Path, name: str) -> str:
    """Say why a file is no Locust file; empty when a class of it is a user of Locust's."""
    tree, wrong = _read(path, name)
    bases = [
        ast.unparse(base) for n in tree.body if isinstance(n, ast.ClassDef) for base in n.bases
    ]
    users = [base for base in bases if base.endswith("User")]
    return wrong or ("" if users else f"no class of {name} is a user of Locust's")


def uncalling(path: Path, name: str) -> str:
    """Say why a file can make no calls; empty when it defines all that a driver asks of it."""
    tree, wrong = _read(path, name)
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    lacking = [call for call in _CONNECTS if call not in defined]
    return wrong or (f"{name} defines no {', '.join(lacking)}" if lacking else "")


def lacking(path: Path, name: str, model: str) -> str:
    """Say which functions for a model's operations a client lacks; empty when it has them."""
    tree, _ = _read(path, name)
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    absent = [call for call in OF_MODELS[model] if call not in defined]
    return f"{name} defines no {', '.join(absent)}" if absent else ""


def idle(path: Path, name: str) -> str:
    """Say why a file is no controller; empty when a function of it handles something by kopf."""
    tree, wrong = _read(path, name)
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    handlers = [on for function in functions for on in function.decorator_list]
    handles = any(ast.unparse(on).startswith("kopf.") for on in handlers)
    return wrong or ("" if handles else f"no function of {name} is a handler of kopf's")


def _read(path: Path, name: str) -> tuple[ast.Module, str]:
    """Read a file as Python; empty, with the reason, when it is none."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            return ast.Module([], []), f"{name} has more than {_LARGEST} bytes"
        data.decode()
        return ast.parse(data, name), ""
    except OSError:
        return ast.Module([], []), f"there is no file {name}"
    except SyntaxError as error:
        return ast.Module([], []), f"{name}:{error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return ast.Module([], []), f"{name} is no Python: {error}"
