"""Debian's archives as a machine's own configuration names them."""

import pytest

from seatrial.cluster import debian
from seatrial.cluster.debian import Source
from seatrial.errors import CannotRun

ARCHIVE, SECURITY, OTHER = "http://mirror/debian", "http://mirror/debian-security", "http://tools/x"


@pytest.fixture
def machine(tmp_path):
    """Give a function that writes a machine's apt folder, and look there."""
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "os-release").write_text('NAME="Debian"\nVERSION_CODENAME=bookworm\n')

    def written(**files: str):
        for name, text in files.items():
            (tmp_path / name.replace("_", ".")).write_text(text)
        return debian.sources(tmp_path, tmp_path / "os-release")

    return written


def test_one_line_sources_are_read_with_their_keys(machine):
    found = machine(
        sources_list=f"# deb {OTHER} bookworm main\n"
        f"deb [arch=amd64 signed-by=/k.gpg] {ARCHIVE} bookworm main contrib  # ours\n"
        f"deb-src {ARCHIVE} bookworm main\n"
    )
    assert found == (Source(ARCHIVE, ("bookworm",), ("main", "contrib"), "/k.gpg"),)


def test_stanzas_are_read_with_every_address_and_a_key_of_many_lines(machine):
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----"
    text = (
        f"Types: deb deb-src\n# why\nURIs: {ARCHIVE} http://b/d\n"
        f"Suites: bookworm bookworm-updates\nComponents: main\nSigned-By:{key}\n"
    )
    found = machine(**{"sources.list.d/debian.sources": text})
    assert [s.uri for s in found] == [ARCHIVE, "http://b/d"]
    assert "abc" in found[0].signed_by
    assert found[0].signed_by.endswith("-----END PGP PUBLIC KEY BLOCK-----")


@pytest.mark.parametrize(
    "line",
    [
        f"deb {OTHER}/linux/debian bookworm stable",
        f"deb {SECURITY} bookworm-security main",
        f"deb {ARCHIVE} trixie main",
        f"deb {ARCHIVE} bookworm contrib",
    ],
)
def test_what_is_no_whole_release_of_this_machine_is_left_out(line, machine):
    assert machine(sources_list=line + "\n") == ()


def test_a_disabled_stanza_is_left_out(machine):
    text = f"Enabled: no\nTypes: deb\nURIs: {ARCHIVE}\nSuites: bookworm\nComponents: main\n"
    assert machine(**{"sources.list.d/debian.sources": text}) == ()


def test_files_that_apt_does_not_read_are_left_out(machine):
    line = f"deb {ARCHIVE} bookworm main\n"
    assert machine(**{"sources.list.d/old.list.disabled": line}) == ()


def test_a_machine_without_an_archive_gets_a_sentence(monkeypatch):
    monkeypatch.setattr(debian, "sources", tuple)
    with pytest.raises(CannotRun, match="an archive of this Debian") as caught:
        debian.mirror()
    assert "Docker" in caught.value.remedy


def test_only_a_key_file_is_named_to_debootstrap(monkeypatch):
    for signed, wanted in (("/k.gpg", "/k.gpg"), ("\n block", ""), ("", "")):
        source = Source(ARCHIVE, ("bookworm",), ("main",), signed)
        monkeypatch.setattr(debian, "sources", lambda source=source: (source,))
        assert debian.keyring() == wanted


def test_another_suite_is_asked_of_the_same_archive_with_the_same_key():
    stanza = debian._stanza(Source(ARCHIVE, ("bookworm",), ("main",), "/k.gpg"), "trixie")
    assert f"URIs: {ARCHIVE}\nSuites: trixie\nComponents: main\nSigned-By: /k.gpg\n" in stanza
