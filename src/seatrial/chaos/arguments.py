"""The arguments of our activities, bound to the signatures they will be called with.

Chaos Toolkit accepts arguments of any type, and finds out in the middle of a drill.
A doorway: may import everything.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from seatrial.errors import BadInput, nearest

OURS = "seatrial.chaos.activities"
"""The module that an experiment names our activities by."""


def bound(provider: Mapping[str, Any], where: str) -> None:
    """Bind the arguments of a provider; only ours can be known. Raises BadInput."""
    if provider.get("module") != OURS:
        return
    function = _function(str(provider.get("func")), where)
    arguments = provider.get("arguments") or {}
    if not isinstance(arguments, dict):
        raise BadInput(f"arguments by name, for {where}", seen=repr(arguments))
    try:
        inspect.signature(function).bind(**arguments, configuration={})
    except TypeError as error:
        raise BadInput(
            f"arguments that {function.__name__} takes, for {where}", seen=str(error)
        ) from None
    hints = get_type_hints(function, include_extras=True)
    for name, value in arguments.items():
        try:
            TypeAdapter(hints[name]).validate_python(value, strict=True)
        except ValidationError as error:
            said = error.errors()[0]["msg"]
            raise BadInput(f"{name} of {where}", seen=f"{value!r}: {said}") from None


def _function(name: str, where: str) -> Callable[..., Any]:
    module = importlib.import_module(OURS)
    offered: Sequence[str] = module.__all__
    if name not in offered:
        raise BadInput(
            f"an activity for {where}",
            seen=name,
            remedy=nearest(name, offered, f"there are {', '.join(offered)}"),
        )
    function: Callable[..., Any] = getattr(module, name)
    return function
