"""What CONTRIBUTING.md asks of every file, as far as a machine can see it.

Source: DESIGN.md, House style.
"""

from __future__ import annotations

import ast
import re
import statistics
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
LONGEST_BODY, LONGEST_FILE, LONGEST_CONFTEST, MEDIAN_BODY = 60, 300, 40, 8
NAMELESS = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
WAITS = {"timing.py"}

# In pieces, so that this file does not name them either.
HOSTS = (
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("proxy", "golang", "org"),
    ("sum", "golang", "org"),
    ("deb", "debian", "org"),
    ("ftp", "debian", "org"),
    ("security", "debian", "org"),
    ("snapshot", "debian", "org"),
    ("docker", "io/"),
    ("registry-1", "docker", "io"),
    ("hub", "docker", "com"),
    ("ghcr", "io/"),
    ("quay", "io/"),
    ("gcr", "io/"),
    ("registry", "k8s", "io/"),
    ("registry", "npmjs", "org"),
    ("crates", "io"),
    ("maven", "org/"),
)
# kubeadm asks for its images by these names and a node preloads them: no host is asked.
IMAGE_NAMES = (
    r"\b(docker\.io|registry\.k8s\.io|docker\.io/library|docker\.io/rancher)/[a-z-]+(/[a-z-]+)?:"
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def body_length(function: Function) -> int:
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def sleeps(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "time.sleep":
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            yield from (node.lineno for alias in node.names if alias.name == "sleep")


def committed() -> list[Path]:
    """Every file that is in git or would be: what .gitignore names is not."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def text_of(path: Path) -> str:
    content = path.read_bytes()
    return "" if b"\0" in content else content.decode(errors="replace")


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_every_module_says_what_it_is_for_and_what_it_may_import(path):
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert docstring, f"{short(path)} has no docstring"
    if path.name != "__init__.py":
        assert re.search(r"imports?\b|standard library", docstring), short(path)


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_a_file_stays_under_300_lines(path):
    assert len(path.read_text().splitlines()) < LONGEST_FILE


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_no_function_is_longer_than_60_lines(path):
    long = {f.name: body_length(f) for f in functions(path) if body_length(f) > LONGEST_BODY}
    assert long == {}


def test_half_of_all_functions_have_at_most_eight_lines():
    lengths = [body_length(function) for path in SOURCES for function in functions(path)]
    assert statistics.median(lengths) <= MEDIAN_BODY


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_only_timing_waits(path):
    assert path.name in WAITS or list(sleeps(path)) == []


def test_no_module_is_named_after_nothing():
    named = {part for path in SOURCES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert named & NAMELESS == set()


@pytest.mark.parametrize("path", sorted(ROOT.glob("**/conftest.py")), ids=short)
def test_a_conftest_is_short_and_the_root_one_holds_no_fixtures(path):
    if ".venv" in path.parts:
        pytest.skip("not ours")
    assert len(path.read_text().splitlines()) < LONGEST_CONFTEST
    if path.parent == ROOT:
        assert "fixture(" not in path.read_text()


def test_no_committed_file_names_a_registry():
    hosts = re.compile("|".join(re.escape(".".join(parts)) for parts in HOSTS))
    naming = {
        f"{short(path)}: {hit.group()}"
        for path in committed()
        for hit in hosts.finditer(re.sub(IMAGE_NAMES, "", text_of(path)))
    }
    assert naming == set()


def test_no_committed_file_names_a_place_of_one_machine():
    places = re.compile(r"(?<![\w.~])/(?:home|root|Users)/(?!u/|\.\.\.)\w[\w.-]*/")
    naming = {
        f"{short(path)}: {hit.group()}"
        for path in committed()
        for hit in places.finditer(text_of(path))
    }
    assert naming == set()
