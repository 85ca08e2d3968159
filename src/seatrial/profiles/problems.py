"""What is wrong with a profile: all of it, each with its line and what was probably meant.

May import: profiles.{clients,declared,reading}; pydantic.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pydantic
from pydantic_core import ErrorDetails

from seatrial.profiles.clients import OF_MODELS, lacking
from seatrial.profiles.declared import KEYS, NESTED, OWN, QUESTIONS, Declared
from seatrial.profiles.reading import Place, Written

_IDS = ("claims", "breaks", "may_break", "bounds")
_LONGEST_SEEN = 60
_GIVEN = frozenset({"config.propagates", "config.immutable"})
_BESIDE = "availability.sidecar"


def judged(written: Written, known: Collection[str]) -> list[str]:
    """Give a sentence for every problem, in the order of the file; `known` are guarantee ids."""
    found = [
        *written.problems,
        *_shape(written),
        *_ids(written, known),
        *_rogue(written),
        *_client(written),
        *_strangers(written),
        *_models(written),
        *_outside(written),
        *_given(written),
        *_sidecar(written),
    ]
    return sorted(dict.fromkeys(found), key=_by_line)


def _shape(written: Written) -> Iterator[str]:
    try:
        Declared.model_validate(written.fields)
    except pydantic.ValidationError as error:
        details = error.errors(include_url=False)
        meant = {_nearest(str(d["loc"][0]), KEYS) for d in details if d["type"] == _EXTRA}
        for detail in details:
            # A key that is only misspelt is not missing as well.
            if detail["type"] != _MISSING or detail["loc"][0] not in meant:
                yield _sentence(written, detail)


_EXTRA, _MISSING = "extra_forbidden", "missing"


def _sentence(written: Written, detail: ErrorDetails) -> str:
    place = tuple(str(part) for part in detail["loc"] if part != "[key]")
    return f"{written.line(place)}: {'.'.join(place)}: {_said(written, detail, place)}"


def _said(written: Written, detail: ErrorDetails, place: Place) -> str:
    if detail["type"] == _EXTRA:
        known = KEYS if len(place) == 1 else NESTED[str(place[0])]
        return f"there is no such key{_meant(place[-1], known)}"
    if detail["type"] == _MISSING:
        own = place[-1] in OWN and "extends" in {top for top, *_ in written.lines}
        return "is missing" + (", and is not inherited" if own else "")
    if detail["loc"][-1] == "[key]" and place[0] == "ask":
        return f"there is no such question{_meant(place[-1], QUESTIONS)}"
    return f"{_plain(detail)}, not {repr(detail['input'])[:_LONGEST_SEEN]}"


def _plain(detail: ErrorDetails) -> str:
    message = detail["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _ids(written: Written, known: Collection[str]) -> Iterator[str]:
    for place, guarantee in _named(written.fields):
        if guarantee not in known:
            said = f"there is no guarantee {guarantee!r}{_meant(guarantee, known)}"
            yield f"{written.line(place)}: {place[0]}: {said}"
    for key in _IDS[:3]:
        seen: set[str] = set()
        for number, guarantee in enumerate(_words(written.fields, key)):
            if guarantee in seen:
                yield f"{written.line((key, str(number)))}: {key}: {guarantee} stands twice"
            seen.add(guarantee)


def _rogue(written: Written) -> Iterator[str]:
    fields = written.fields
    if fields.get("controller") and not fields.get("breaks"):
        line = written.line(("controller",))
        yield f"{line}: controller: only a rogue, which says what it `breaks`, may bring one"
    claims, may = _words(fields, "claims"), _words(fields, "may_break")
    for number, guarantee in enumerate(_words(fields, "breaks")):
        line = written.line(("breaks", str(number)))
        if guarantee not in claims:
            yield f"{line}: breaks: {guarantee} is not among its claims, so nobody would try it"
        if guarantee in may:
            yield f"{line}: breaks: {guarantee} is in may_break as well"


def _client(written: Written) -> Iterator[str]:
    fields = written.fields
    if fields.get("client") and not fields.get("port"):
        yield f"{written.line(('client',))}: client: port is missing, so it could reach no member"


def _strangers(written: Written) -> Iterator[str]:
    """Find images of those who call and visit that the profile does not have."""
    known = written.fields.get("images")
    for key in ("connections", "sessions"):
        told = written.fields.get(key)
        image = told.get("image") if isinstance(told, dict) else None
        if isinstance(image, str) and image not in (known if isinstance(known, dict) else {}):
            line = written.line((key, "image"))
            yield f"{line}: {key}.image: {image!r} is not among its images"


def _outside(written: Written) -> Iterator[str]:
    """Find promises about the network whose keeping nobody could ask for."""
    told, claims = written.fields.get("outside"), _words(written.fields, "claims")
    if told and not written.fields.get("port"):
        yield f"{written.line(('outside',))}: outside: port is missing, so it could reach no member"
    fetch = isinstance(told, dict) and told.get("fetch")
    for number, guarantee in enumerate(claims):
        line = f"{written.line(('claims', str(number)))}: claims: {guarantee}"
        if guarantee.startswith("network.") and not told:
            yield f"{line}: `outside` is missing, which says how it is reached"
        elif guarantee == "network.egress" and not fetch:
            yield f"{line}: outside.fetch is missing, so nobody could go out"


def _given(written: Written) -> Iterator[str]:
    """Find promises about settings of which nothing would be changed."""
    told = written.fields.get("given")
    asked = written.fields.get("ask")
    for number, guarantee in enumerate(_words(written.fields, "claims")):
        if guarantee not in _GIVEN:
            continue
        line = f"{written.line(('claims', str(number)))}: claims: {guarantee}"
        if not told:
            yield f"{line}: `given` is missing, which says what is changed"
        elif "config" not in (asked if isinstance(asked, dict) else {}):
            yield f"{line}: ask.config is missing, so nobody could tell"


def _sidecar(written: Written) -> Iterator[str]:
    """Find a promise about agents where nobody says which container is one."""
    fields = written.fields
    if fields.get("sidecar") and fields.get("sidecar") == fields.get("container"):
        line = written.line(("sidecar",))
        yield f"{line}: sidecar: it is the member's own container, and no agent beside it"
    for number, guarantee in enumerate(_words(fields, "claims")):
        if guarantee == _BESIDE and not fields.get("sidecar"):
            line = f"{written.line(('claims', str(number)))}: claims: {guarantee}"
            yield f"{line}: `sidecar` is missing, which names the agent's container"


def _models(written: Written) -> Iterator[str]:
    """Find models of a claim that the client cannot do the operations of."""
    file = written.fields.get("client")
    for number, guarantee in enumerate(_words(written.fields, "claims")):
        family, _, model = guarantee.partition(".")
        if family != "durability" or model not in OF_MODELS:
            continue
        line = f"{written.line(('claims', str(number)))}: claims: {guarantee}"
        if not isinstance(file, str) or not file:
            yield f"{line}: there is no client that could try it"
        elif sentence := lacking(Path(file), Path(file).name, model):
            yield f"{line}: {sentence}"


def _named(fields: Mapping[str, Any]) -> Iterator[tuple[Place, str]]:
    for key in _IDS[:3]:
        yield from (((key, str(n)), word) for n, word in enumerate(_words(fields, key)))
    bounds = fields.get("bounds")
    if isinstance(bounds, dict):
        yield from ((("bounds", str(name)), str(name)) for name in bounds)


def _words(fields: Mapping[str, Any], key: str) -> list[str]:
    value = fields.get(key)
    return [str(word) for word in value] if isinstance(value, list) else []


def _nearest(wanted: str, known: Collection[str]) -> str:
    return next(iter(difflib.get_close_matches(wanted, list(known), 1, 0.5)), "")


def _meant(wanted: str, known: Collection[str]) -> str:
    near = _nearest(wanted, known)
    return f", did you mean {near!r}?" if near else f"; there are {', '.join(sorted(known))}"


def _by_line(problem: str) -> tuple[str, int]:
    file, line, *_ = problem.split(":", 2)
    return file, int(line) if line.isdecimal() else 0
