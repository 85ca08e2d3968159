"""Secrets are recognised in objects and in text, and nothing else is touched."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seatrial.scrub import SCRUBBED, scrub, suspect


@pytest.mark.parametrize(
    "text",
    [
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
        "bearer 0123456789abcdef",
    ],
)
def test_secrets_inside_text_are_scrubbed(text):
    assert scrub({"a": [f"before {text}"]})["a"][0].endswith(SCRUBBED)


def test_a_list_of_secrets_and_their_last_applied_copy_are_scrubbed():
    note = {"kubectl.kubernetes.io/last-applied-configuration": '{"data":{"x":"aHVudGVyMg=="}}'}
    item = {"metadata": {"name": "db", "annotations": note}, "stringData": {"x": "hunter2"}}
    cleaned = json.dumps(scrub({"kind": "SecretList", "items": [item]}))
    assert "hunter2" not in cleaned
    assert "aHVudGVyMg" not in cleaned


def test_a_reference_to_a_secret_keeps_its_shape():
    reference = {"password": {"secretKeyRef": {"name": "db"}}}
    assert scrub(reference) == reference


@pytest.mark.parametrize(
    "value",
    [
        {"kind": "Secret", "data": {"a": "eA=="}},
        {"users": [{"user": {"token": "t"}}]},
        {"text": "client-key-data: S0VZ"},
    ],
)
def test_whatever_is_scrubbed_is_suspect_before(value):
    assert scrub(value) != value
    assert suspect(json.dumps(value).encode())


@example({"kind": []})
@given(st.dictionaries(st.text(max_size=5), st.integers() | st.lists(st.booleans())))
def test_values_that_hold_no_text_stay_as_they_are(value):
    assert scrub(value) == value
