"""Virtual environments that have what the tests' own has, and a package or two more."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import version
from pathlib import Path

import pytest


def environment_with(directory: Path, *packages: str) -> Path:
    """Make the environment; return its directory of programs. Skips the test where no package index answers."""
    venv.create(directory, with_pip=False, symlinks=True)
    programs = directory / "bin"
    packages_directory = Path(sysconfig.get_path("purelib", scheme="posix_prefix", vars={"base": str(directory)}))
    # addsitedir, and no plain path: the .pth files of the tests' own environment are to be read too.
    shared = sysconfig.get_path("purelib")
    (packages_directory / "shared.pth").write_text(f"import site; site.addsitedir({shared!r})\n")
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python"), "--quiet", "--disable-pip-version-check"]
    instrument = f"opentelemetry-instrumentation=={version('opentelemetry-instrumentation')}"
    for wanted in (
        ["--no-deps", "--force-reinstall", instrument],  # again, so that its programs are in this environment too
        packages,
    ):
        installed = subprocess.run([*pip, "install", *wanted], capture_output=True, text=True, check=False)
        if installed.returncode:
            pytest.skip(f"needs {' and '.join(packages)} from a package index: {installed.stderr.strip()[-200:]}")
    return programs
