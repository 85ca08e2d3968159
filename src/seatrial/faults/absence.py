"""Calls about objects that may be gone, or there already: undoing is content with both.

May import: kube, model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from seatrial.kube.client import ApiFailed, Kube
from seatrial.model import Json


def absent(act: Callable[[], str]) -> str:
    """Do something to an object; one that is not there needs nothing."""
    try:
        return act()
    except ApiFailed as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return ""


def found(kube: Kube, path: str) -> dict[str, Any] | None:
    """Give an object; None when it is not there."""
    try:
        return kube.get(path)
    except ApiFailed as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def lives(kube: Kube, namespace: str) -> bool:
    """Whether a namespace is there to stay."""
    there = found(kube, f"/api/v1/namespaces/{namespace}")
    return there is not None and "deletionTimestamp" not in there["metadata"]


def made(kube: Kube, path: str, document: Mapping[str, Json]) -> bool:
    """Whether we made the object at `path`: somebody else may have been faster.

    Its namespace may be gone, too, and whoever was to be in it needs nothing.
    """
    try:
        kube.send("POST", path.rpartition("/")[0], document)
    except ApiFailed as error:
        if error.status not in {HTTPStatus.CONFLICT, HTTPStatus.NOT_FOUND}:
            raise
        return False
    return True
