"""The checkout's own promises: lock, dependencies, layers, changelog and records of decisions."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import seatrial

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
FRAGMENT = re.compile(r"\d+\.(feature|change|fix|removal)\.md")
# pytest loads these by itself; no line of ours imports them.
PLUGINS = {"chaostoolkit", "pytest-timeout", "pytest-xdist"}


def runtime() -> list[Requirement]:
    project = PROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in (*project["dependencies"], *extras)]


def groups() -> list[Requirement]:
    lines = [line for group in PROJECT["dependency-groups"].values() for line in group]
    return [Requirement(line) for line in lines if isinstance(line, str)]


def locked() -> dict[str, str]:
    text = (ROOT / "requirements.lock").read_text()
    pins = [Requirement(pin) for pin in re.findall(r"^([\w.-]+==[^\\\n]+)", text, re.MULTILINE)]
    here = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in here}


@cache
def borrowed() -> set[str]:
    """Packages that images take from our own environment."""
    lists = [path.read_text() for path in (ROOT / "fixtures").rglob("borrowed.txt")]
    lines = [line.partition("#")[0].strip() for each in lists for line in each.splitlines()]
    return {canonicalize_name(Requirement(line).name) for line in lines if line}


@cache
def imported() -> set[str]:
    """Top-level names that anything we ship imports."""
    folders = [ROOT / name for name in ("src", "suites", "fixtures")]
    trees = [ast.parse(path.read_text()) for f in folders for path in f.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    plain = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    named = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    return {name.partition(".")[0] for name in plain | named}


@pytest.mark.parametrize("requirement", [*runtime(), *groups()], ids=str)
def test_the_lock_pins_a_version_that_the_project_allows(requirement):
    assert requirement.specifier.contains(locked()[canonicalize_name(requirement.name)])


def test_every_pin_of_the_lock_has_hashes_and_no_address():
    text = (ROOT / "requirements.lock").read_text()
    blocks = re.split(r"^(?=\S+==)", text, flags=re.MULTILINE)[1:]
    assert blocks
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in text


def test_the_tests_run_with_the_locked_versions():
    here: dict[str, str] = {
        canonicalize_name(dist.name): dist.version for dist in metadata.distributions()
    }
    other = {name: here[name] for name, pin in locked().items() if here.get(name, pin) != pin}
    assert other == {}


@pytest.mark.parametrize("requirement", runtime(), ids=str)
def test_every_dependency_is_used(requirement):
    name = canonicalize_name(requirement.name)
    top_level = {Path(file.parts[0]).stem for file in metadata.files(name) or ()}
    assert name in PLUGINS | borrowed() or top_level & imported(), (
        f"nothing imports {name}: remove it"
    )


def test_every_dependency_has_its_row_and_no_row_is_left_over():
    page = (ROOT / "docs" / "dependencies.md").read_text().partition("## To work")[0]
    rows = set(re.findall(r"^\| (\w[\w-]+) \|", page, re.MULTILINE)) - {"package"}
    assert rows == {requirement.name for requirement in runtime()}


def test_the_version_is_written_once():
    assert metadata.version("seatrial") == seatrial.__version__


def test_every_exception_from_the_linter_has_a_reason():
    text = (ROOT / "pyproject.toml").read_text()
    section = text.partition("[tool.ruff.lint]")[2].partition("[tool.ruff.lint.flake8")[0]
    codes = [line for line in section.splitlines() if re.match(r'\s*"[A-Z]+\d*",', line)]
    assert codes
    assert [line for line in codes if "  # " not in line] == []


def layered(checkout: Path) -> Path:
    """Make a checkout with nothing in it but the layers, each an empty package."""
    shutil.copy(ROOT / "pyproject.toml", checkout)
    layers = PROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    for name in re.findall(r"\w+", " ".join(layers)):
        write(checkout, f"{name}/__init__", "")
    write(checkout, "__init__", "")
    return checkout


def write(checkout: Path, module: str, line: str) -> None:
    path = checkout / "src" / "seatrial" / f"{module}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{line}\n")


def lint_imports(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=checkout,
        env={"PYTHONPATH": str(checkout / "src"), "LC_ALL": "C.UTF-8", "COLUMNS": "200"},
        check=False,
        capture_output=True,
        text=True,
    )


PLANTED = {
    "run.planted": "typer",
    "checks.planted": "seatrial.timing",
    "model.planted": "seatrial.command",
    "cluster.planted": "seatrial.faults",
}


@pytest.fixture(scope="module")
def against_the_grain(tmp_path_factory):
    """Give what is said of all these imports: one look at the whole costs a second."""
    checkout = layered(tmp_path_factory.mktemp("layered"))
    for module, imported in PLANTED.items():
        write(checkout, module.replace(".", "/"), f"import {imported}")
    said = lint_imports(checkout)
    assert said.returncode == 1, said.stdout + said.stderr
    return said.stdout.partition("Broken contracts")[2]


@pytest.mark.parametrize("module", PLANTED)
def test_an_import_against_the_grain_is_refused(module, against_the_grain):
    assert f"seatrial.{module} -> {PLANTED[module]} " in against_the_grain


def test_a_module_that_is_in_no_layer_is_refused(tmp_path):
    write(layered(tmp_path), "planted", "")
    assert "not listed as layers" in lint_imports(tmp_path).stdout.partition("Broken contracts")[2]


def test_imports_with_the_grain_are_kept(tmp_path):
    layered(tmp_path)
    write(tmp_path, "cli/planted", "import typer\nfrom seatrial import run")
    write(tmp_path, "run/planted", "from seatrial import checks, cluster, timing")
    write(tmp_path, "cluster/planted", "from seatrial import command, kube, places")
    said = lint_imports(tmp_path)
    assert said.returncode == 0, said.stdout + said.stderr


def test_fragments_of_the_changelog_are_named_by_issue_and_kind():
    fragments = [path for path in (ROOT / "changelog").iterdir() if path.name != ".gitkeep"]
    assert [path.name for path in fragments if not FRAGMENT.fullmatch(path.name)] == []
    assert all(path.read_text().strip() for path in fragments)


def test_records_of_decisions_are_numbered_without_gaps():
    pages = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    assert all(page.read_text().startswith(f"# {page.name[:4]}: ") for page in pages)
