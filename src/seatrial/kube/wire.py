"""What a list and a watch send: pages, events, bookmarks and refusals, straight from the bytes.

May import: msgspec, urllib3; kube.{client,objects}.
Source: kubernetes.io, API concepts, "Efficient detection of changes" and "Retrieving large
results sets in chunks".
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from threading import Lock
from typing import NoReturn, TypeVar

import msgspec
import urllib3

from seatrial.kube.client import ApiFailed
from seatrial.kube.objects import Struct

S = TypeVar("S", bound=Struct)
_BUILDING = Lock()


class PageMeta(Struct, frozen=True):
    """Where a page of a list stands; `onward` is the token of the next one, empty on the last."""

    resource_version: str
    onward: str = msgspec.field(default="", name="continue")


class Page(Struct, frozen=True):
    """One page of a list."""

    metadata: PageMeta
    items: list[msgspec.Raw]


class Told(Struct, frozen=True):
    """One line of a watch."""

    type: str
    object: msgspec.Raw


class BareMeta(Struct, frozen=True):
    """Metadata that may name nothing."""

    name: str = ""
    namespace: str = ""
    resource_version: str = "0"


class Bare(Struct, frozen=True):
    """A bookmark or a status: both come with metadata that names nothing."""

    metadata: BareMeta = BareMeta()
    code: int = 0
    message: str = ""


class Gone(Exception):
    """The server no longer has the resourceVersion we stopped at."""


class Unreadable(Exception):
    """The server sent what we cannot decode, and would send it again."""


def decoded(raw: bytes | msgspec.Raw, struct: type[S], what: str) -> S:
    """Decode one object; raises Unreadable with its name."""
    try:
        return _decoder(struct).decode(raw)
    except msgspec.DecodeError as error:
        raise Unreadable(f"{what} {_named(raw)} cannot be read: {error}") from None


def _decoder(struct: type[S]) -> msgspec.json.Decoder[S]:
    # Two threads that learn of one Struct at once end the process (msgspec 0.22): one at a time.
    with _BUILDING:
        return _built(struct)


@cache
def _built(struct: type[S]) -> msgspec.json.Decoder[S]:
    return msgspec.json.Decoder(struct)


def fail(name: str, status: Bare) -> NoReturn:
    """Raise what an ERROR event of a watch means: Gone or ApiFailed."""
    if status.code == HTTPStatus.GONE:
        raise Gone(status.message)
    raise ApiFailed(f"watch of {name}", seen=status.message, status=status.code)


def lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """Give each whole line as soon as its last byte is there; what was cut off is dropped."""
    rest = b""
    while chunk := response.read1(1 << 16):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line)


def _named(raw: bytes | msgspec.Raw) -> str:
    try:
        meta = _decoder(Bare).decode(raw).metadata
    except msgspec.DecodeError:
        return bytes(raw)[:80].decode(errors="replace")
    return f"{meta.namespace}/{meta.name}".lstrip("/")
