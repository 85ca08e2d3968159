"""A list in an object that others write, too: finalizers of a pod, taints of a node.

May import: kube, model.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from seatrial.kube.client import ApiFailed, Kube
from seatrial.model import Json

_TRIES = 5
"""How often a list is written anew when somebody else wrote to the same object in between."""

Item = TypeVar("Item")


def rewritten(
    kube: Kube, path: str, field: tuple[str, str], change: Callable[[list[Item]], list[Item]]
) -> bool:
    """Write a list only as it was read; whether there was anything to change.

    `field` is where it lies, such as ("spec", "taints"). Raises ApiFailed.
    """
    part, key = field
    for left in reversed(range(_TRIES)):
        found = kube.get(path)
        before = found[part].get(key, [])
        if (after := change(before)) == before:
            return False
        body: dict[str, dict[str, Json]]
        body = {"metadata": {"resourceVersion": found["metadata"]["resourceVersion"]}}
        body.setdefault(part, {})[key] = after
        try:
            kube.patch(path, body)
        except ApiFailed as error:
            if error.status != HTTPStatus.CONFLICT or not left:
                raise
        else:
            return True
    return False
