"""The driver's reading of DNS messages: what was meant, or a refusal, whatever bytes come."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import seatrial.load
from seatrial.testing import names as fake


def loaded() -> Any:
    path = Path(seatrial.load.__file__).parent / "driver" / "dns.py"
    spec = importlib.util.spec_from_file_location("driver_dns", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "driver_dns", module)
        spec.loader.exec_module(module)
    return module


dns = loaded()
NAME = "ledger-0.ledger.trial-1.svc.cluster.local"
ADDRESSES = st.lists(st.ip_addresses(v=4).map(str), max_size=20)


def answered(addresses: list[str], name: str = NAME, flags: int = 0x8180) -> bytes:
    question = dns.query(7, name)
    return fake._message(question, len(question), addresses, flags)


@given(ADDRESSES)
def test_addresses_are_read_back_sorted(addresses):
    assert dns.parsed(answered(addresses), NAME) == ("NOERROR", tuple(sorted(addresses)), False)


@given(st.integers(0, 15))
def test_every_code_has_a_name(code):
    said, addresses, _ = dns.parsed(answered([], flags=0x8180 | code), NAME)
    names = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"]
    assert said == (names[code] if code < 6 else f"RCODE{code}")
    assert addresses == ()


@given(st.binary(max_size=200))
@example(b"")
@example(b"\x00\x07\xff\xff" + b"\xff" * 8)
def test_bytes_that_are_no_answer_are_refused(data):
    try:
        _, addresses, cut = dns.parsed(data, NAME)
    except ValueError:
        return
    assert cut
    assert addresses == ()


@given(ADDRESSES.filter(len), st.data())
def test_an_answer_that_ends_too_early_is_refused(addresses, data):
    whole = answered(addresses)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(ValueError, match=r"cut short|no answer"):
        dns.parsed(cut, NAME)


@given(ADDRESSES.filter(len), st.data())
def test_a_changed_byte_never_gives_an_answer_of_another_name(addresses, data):
    whole = bytearray(answered(addresses))
    at = data.draw(st.integers(12, 12 + len(NAME) + 5))
    whole[at] ^= 1 << data.draw(st.integers(0, 4))
    with pytest.raises(ValueError, match=r"no answer"):
        dns.parsed(bytes(whole), NAME)


def test_a_truncated_answer_says_so():
    assert dns.parsed(answered([], flags=0x8180 | 0x0200), NAME)[2]


def test_a_question_is_no_answer():
    with pytest.raises(ValueError, match="no answer"):
        dns.parsed(dns.query(7, NAME), NAME)


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, "caf\u00e9.x"])
def test_what_is_no_name_is_not_asked(name):
    with pytest.raises(ValueError, match=r"no name|ascii"):
        dns.query(1, name)
    assert dns.ask("127.0.0.1:9", [name], 0.1)[name].outcome == "info"


@pytest.mark.parametrize(
    ("server", "place"),
    [
        ("10.0.0.1", ("10.0.0.1", 53)),
        ("10.0.0.1:5353", ("10.0.0.1", 5353)),
        ("fd00::1", ("fd00::1", 53)),
        ("[fd00::1]:5353", ("fd00::1", 5353)),
    ],
)
def test_a_server_is_an_address_with_or_without_a_port(server, place):
    assert dns.address(server) == place
