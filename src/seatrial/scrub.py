"""Keeps secrets out of run folders, which people mail and attach to issues.

Scrubbed are the contents of Kubernetes Secret objects, the keys and tokens of a kubeconfig, and
in any text: bearer tokens, signed tokens (JWT) and private keys. A member's own `token` file is
an identity that the trial asks for, not a secret, and stays.
May import: the standard library and model.
Source: Kubernetes API reference, Secret v1 and Config v1 (kubeconfig).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from seatrial.model import Json

SCRUBBED = "(scrubbed)"

_SUSPECT = re.compile(
    rb"Secret|bearer|eyJ|PRIVATE KEY|client-key|client_key|clientKey|password|\"user\"",
    re.IGNORECASE,
)
_IN_TEXT = (
    (re.compile(r"(?i)\b(bearer\s+)[\w.~+/=-]{8,}"), rf"\1{SCRUBBED}"),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"), SCRUBBED),
    (
        re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?(-----END \1-----|\Z)", re.DOTALL),
        SCRUBBED,
    ),
    (re.compile(r"(?m)(client-key-data\"?:\s*\"?)[\w+/=-]+"), rf"\1{SCRUBBED}"),
)
_KEYS = frozenset({"client-key-data", "client_key_data", "clientKeyData", "password"})
_USER_KEYS = frozenset({"token", "id-token", "refresh-token", "access-token"})
_SECRET_KINDS = ("Secret", "SecretList")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def suspect(encoded: bytes) -> bool:
    """Tell cheaply whether encoded JSON may hold a secret; most Ops do not."""
    return _SUSPECT.search(encoded) is not None


def scrub(value: Json) -> Json:
    """Give a copy of a JSON value with every secret in it replaced; its shape stays."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {key: scrub(inner) for key, inner in _object(value).items()}
    return [scrub(inner) for inner in value] if isinstance(value, list | tuple) else value


def _object(value: Mapping[str, Json]) -> Mapping[str, Json]:
    if value.get("kind") in _SECRET_KINDS:
        value = _secret(value)
    if isinstance(value.get("user"), Mapping):
        value = {**value, "user": _blank(value["user"], _USER_KEYS)}
    return _blank(value, _KEYS)


def _secret(value: Mapping[str, Json]) -> Mapping[str, Json]:
    blanked = {
        key: dict.fromkeys(value[key], SCRUBBED)
        for key in ("data", "stringData", "string_data")
        if isinstance(value.get(key), Mapping)
    }
    # the items of a list do not say their kind
    items = {"items": [_secret(item) for item in value["items"]]} if value.get("items") else {}
    return {**value, **blanked, **items, **_without_last_applied(value)}


def _without_last_applied(value: Mapping[str, Json]) -> Mapping[str, Json]:
    meta = value.get("metadata")
    notes = meta.get("annotations") if isinstance(meta, Mapping) else None
    if not isinstance(meta, Mapping) or not isinstance(notes, Mapping):
        return {}
    return {"metadata": {**meta, "annotations": _blank(notes, {_LAST_APPLIED})}}


def _blank(value: Mapping[str, Json], keys: frozenset[str] | set[str]) -> Mapping[str, Json]:
    secret = {key for key in keys if isinstance(value.get(key), str) and value[key]}
    return {key: SCRUBBED if key in secret else inner for key, inner in value.items()}


def _text(text: str) -> str:
    for pattern, instead in _IN_TEXT:
        text = pattern.sub(instead, text)
    return text
