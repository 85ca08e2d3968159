"""Programs built from Go modules that are pinned with checksums below clusters/.

Each module's programs lie in a folder named by the module's content; a build that was cut off
leaves none, and the compiler's own cache makes the next try short.
May import: errors, places, progress, command.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from seatrial import command
from seatrial.cluster.nodeimage.inputs import Inputs, content_key
from seatrial.errors import CannotRun
from seatrial.places import cache, carried
from seatrial.progress import Progress


@dataclass(frozen=True)
class Module:
    """One Go module: what to build of it, how long it takes, what to call what comes out."""

    folder: Path
    packages: Sequence[str]
    what: str
    usual: float
    flags: str = "-s -w"
    renamed: Mapping[str, str] = field(default_factory=dict)


def modules(wanted: Inputs) -> list[Module]:
    """Give the modules of a node image, the longest build first."""
    version, folder = wanted.version, wanted.folder
    major, minor = wanted.minor.split(".")
    facts = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    stamped = [f"-X k8s.io/component-base/version.{k}={v}" for k, v in facts.items()]
    return [
        Module(
            wanted.kubernetes,
            ("tool", "./podnet"),
            f"Kubernetes {version} (7 programs)",
            390,
            " ".join(["-s -w", *stamped]),
        ),
        Module(folder / "coredns", (".",), "CoreDNS", 30),
        Module(folder / "etcd", ("tool",), "etcd", 20, renamed={"server": "etcd"}),
        Module(folder / "local-path-provisioner", ("tool",), "local-path-provisioner", 8),
        Module(folder / "pause", (".",), "pause", 1),
        volume_module(),
        proxy_module(),
    ]


def volume_module() -> Module:
    """Give the module of the program that stands between a pod and its volume."""
    return Module(carried("clusters") / "nodeimage" / "volume", (".",), "seatrial-volume", 5)


def proxy_module() -> Module:
    """Give the module of the proxy that makes lines slow where the kernel cannot."""
    folder = carried("clusters") / "nodeimage" / "toxiproxy"
    return Module(folder, ("tool",), "toxiproxy", 10, renamed={"server": "toxiproxy-server"})


def kind_module() -> Module:
    """Give the module of kind itself."""
    return Module(carried("clusters") / "kind", ("tool",), "kind", 15)


def built(module: Module, progress: Progress) -> Path:
    """Build a module's programs unless they lie in the cache, and give their folder.

    Raises CannotRun without Go, ToolFailed with the compiler's last lines.
    """
    key = content_key([module.folder], module.flags)
    home = cache() / "programs" / f"{module.folder.name}-{key}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(home.with_name(f"{home.name}.lock")):
        if not home.is_dir():
            with progress.step(f"building {module.what}", module.usual):
                _build(module, home)
    return home


def _build(module: Module, home: Path) -> None:
    if shutil.which("go") is None:
        raise CannotRun(
            f"Go, to build {module.what}",
            seen="no go in PATH",
            remedy="install Go 1.24 or newer, or let the engine reach a container registry",
        )
    part = home.with_name(f"{home.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    # Not -trimpath: it names a package by the version asked for, not by the one that replaced it,
    # so that the modules could not share what is compiled already.
    argv = ["go", "build", "-ldflags", module.flags, "-o", f"{part}/"]
    command.run(
        [*argv, *module.packages],
        cwd=module.folder,
        env={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"},
        log=cache() / "logs" / f"{module.folder.name}.log",
    )
    for old, new in module.renamed.items():
        (part / old).rename(part / new)
    part.rename(home)
