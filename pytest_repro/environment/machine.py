"""Python, the machine it runs on, its variables and the installed distributions."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_repro.environment.libraries import hash_seed
from pytest_repro.environment.names import NUMERIC_DISTRIBUTIONS, NUMERIC_VARIABLES, SHOWN_VARIABLES, numeric, shown

if TYPE_CHECKING:
    from pytest_repro.model import EnvField

__all__ = ["installed_distributions", "read_machine"]


def read_machine() -> Iterator[EnvField]:
    """Read everything that does not depend on what is loaded."""
    for part in (_python, _machine, _packages, _variables, _container):
        yield from part()


def _python() -> Iterator[EnvField]:
    yield numeric("python.version", platform.python_version())
    yield numeric("python.implementation", platform.python_implementation())
    yield shown("python.build", " ".join(platform.python_build()))
    yield shown("python.compiler", platform.python_compiler())
    yield shown("python.executable", sys.executable)
    yield numeric("python.hash_randomization", hash_seed())
    gil = getattr(sys, "_is_gil_enabled", None)
    if gil is not None and not gil():
        yield numeric("python.gil", "off")


def _machine() -> Iterator[EnvField]:
    yield numeric("platform.system", platform.system())
    yield numeric("platform.machine", platform.machine())
    yield shown("platform.release", platform.release())
    libc = " ".join(part for part in platform.libc_ver() if part) if sys.platform == "linux" else ""
    if libc:
        yield numeric("platform.libc", libc)  # libm's exp and log differ between versions
    yield numeric("cpu.model", _cpu_model())
    yield numeric("cpu.count", os.cpu_count() or 0)
    affinity = getattr(os, "sched_getaffinity", None)
    if affinity is not None:
        yield numeric("cpu.usable", len(affinity(0)))


def _cpu_model() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if line.startswith(("model name", "Model", "cpu model")):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _variables() -> Iterator[EnvField]:
    for names, make in ((NUMERIC_VARIABLES, numeric), (SHOWN_VARIABLES, shown)):
        for name in names:
            value = os.environ.get(name)
            if value is not None:
                yield make(f"variable.{name}", value)


def _container() -> Iterator[EnvField]:
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        yield shown("container", "kubernetes")
    elif Path("/.dockerenv").exists():
        yield shown("container", "docker")
    elif Path("/run/.containerenv").exists():
        yield shown("container", "podman")
    else:
        try:
            groups = Path("/proc/1/cgroup").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        found = re.search(r"docker|kubepods|containerd|libpod|lxc", groups)
        if found:
            yield shown("container", found.group())
    for name in ("IMAGE_NAME", "CONTAINER_IMAGE", "DOCKER_IMAGE"):
        if os.environ.get(name):
            yield shown("container.image", os.environ[name])
            return


def _packages() -> Iterator[EnvField]:
    installed = installed_distributions()
    versions = dict(installed)
    for name in NUMERIC_DISTRIBUTIONS:
        if name in versions:
            yield numeric(f"package.{name}", versions[name])
    listing = "\n".join(f"{name}=={version}" for name, version in installed)
    yield shown("packages.digest", hashlib.blake2b(listing.encode(), digest_size=8).hexdigest())


def installed_distributions() -> tuple[tuple[str, str], ...]:
    """List (name, version) of every installed distribution, normalised and sorted."""
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions():
        name, version = _named(distribution)
        if name:  # the first of two on the path is the one imported
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), version)
    return tuple(sorted(found.items()))


def _named(distribution: importlib.metadata.Distribution) -> tuple[str, str]:
    """Name and version; empty for a damaged installation, whose metadata are missing or no text."""
    try:
        metadata: Any = distribution.metadata  # parsed anew at every access
    except (OSError, ValueError):
        return "", ""
    # not by []: from Python 3.12 on, that warns where a key is missing, and -W error makes it an error
    return ("", "") if metadata is None else (metadata.get("Name") or "", metadata.get("Version") or "")
