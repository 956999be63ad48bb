"""Build the project's virtual environments: ``python3 include/onemachine/bootstrap.py`` (what ``make setup`` runs).

Runs before anything is installed, so it uses the standard library only, and it starts on old Pythons (3.7 and later)
so that it can say there, in plain words, what is missing. It uses the ``uv`` on PATH, or fetches the pinned and
hash-checked one of ``uv.txt`` by pip into ``.venv-uv``. Every package is installed from a lock file with hashes.
A second run finds the stamps of the first and ends at once.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENTS = {
    ".venv": "requirements-dev.txt",
    ".venv-pocketaws": "include/pocketaws/requirements.txt",
}
# output → (inputs' names, constraint): `make lock` compiles them in this order.
LOCKS = {
    "requirements.txt": ("requirements.in", None),
    "requirements-dev.txt": ("requirements-dev.in", "requirements.txt"),
    "include/pocketaws/requirements.txt": ("include/pocketaws/requirements.in", None),
    "include/onemachine/uv.txt": ("include/onemachine/uv.in", None),
}
OLDEST, NEWEST = (3, 11), (3, 13)
OLDEST_UV = (0, 5)
CANDIDATES = ("python3", "python3.13", "python3.12", "python3.11", "python")
STAMP = "endpointwatch-stamp.json"
# Settings of the caller that would send packages elsewhere, or other packages here. Indexes and proxies stay.
HELD_BACK = re.compile(
    r"PYTHON.*|VIRTUAL_ENV|CONDA_.*|PIP_(TARGET|PREFIX|ROOT|USER|REQUIRE_VIRTUALENV|CONSTRAINT|REQUIREMENT|PYTHON)"
    r"|UV_(PYTHON.*|SYSTEM_PYTHON|TARGET|PREFIX|CONSTRAINT|OVERRIDE|EXCLUDE_NEWER|RESOLUTION|PRERELEASE|PROJECT.*)"
)


class SetupError(Exception):
    """The environments cannot be built; the text says why and how to mend it."""


def main() -> int:
    """Build what is missing; 0 when all environments are as the lock files say."""
    parser = argparse.ArgumentParser(description="Build the virtual environments of the project from its lock files.")
    parser.add_argument("--lock", action="store_true", help="compile the lock files from the .in files instead")
    parser.add_argument("--upgrade", action="store_true", help="with --lock: take the newest versions")
    chosen = parser.parse_args()
    try:
        with _alone():
            if chosen.lock:
                lock(upgrade=chosen.upgrade)
            else:
                build()
    except SetupError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def build() -> None:
    """Bring every environment to the state of its lock file."""
    due = [name for name in ENVIRONMENTS if not is_current(name)]
    if not due:
        return
    python = find_python()
    uv = find_uv(python)
    for name in due:
        began = time.monotonic()
        _say(f"{name}: installing {ENVIRONMENTS[name]}")
        folder = REPOSITORY / name
        if version_of(str(folder / "bin" / "python")) is None:
            _run([uv, "venv", "--quiet", "--clear", "--python", python, str(folder)])
        sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode"]
        _run([*sync, "--python", str(folder / "bin" / "python"), str(REPOSITORY / ENVIRONMENTS[name])])
        (folder / STAMP).write_text(json.dumps(_stamp(name)))
        _say(f"{name}: ready after {time.monotonic() - began:.0f} s")


def lock(*, upgrade: bool = False) -> None:
    """Compile every lock file; without ``upgrade`` the versions in it stay as long as the .in files allow."""
    uv = find_uv(find_python(), pinned=True)
    for output, (source, constraint) in LOCKS.items():
        command = [uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--no-header"]
        command += ["--python-version", ".".join(map(str, OLDEST)), source, "-o", output]
        command += ["-c", constraint] if constraint else []
        _run([*command, *(["--upgrade"] if upgrade else [])])
        _say(f"{output}: compiled")


def is_current(name: str) -> bool:
    """Whether an environment was built from the lock file as it is now, by a Python that is still there."""
    try:
        stamp = json.loads((REPOSITORY / name / STAMP).read_text())
    except (OSError, ValueError):
        return False
    return bool(stamp == _stamp(name))


def _stamp(name: str) -> dict[str, str]:
    text = (REPOSITORY / ENVIRONMENTS[name]).read_bytes()
    version = version_of(str(REPOSITORY / name / "bin" / "python"))
    return {"lock": hashlib.sha256(text).hexdigest(), "python": ".".join(map(str, version or ()))}


def find_python() -> str:
    """The first Python of a version we support, this one before those on PATH.

    Raises:
        SetupError: There is none; it lists those that were found.
    """
    seen: dict[str, str] = {}
    for candidate in (sys.executable, *CANDIDATES):
        # A name on PATH may be a version manager's shim that exists and does not run: only running it tells.
        version = version_of(candidate)
        if version is None:
            continue
        if OLDEST <= version[:2] <= NEWEST:
            return _real(candidate)
        seen.setdefault(_real(candidate), ".".join(map(str, version)))
    found = ", ".join(f"{version} ({path})" for path, version in seen.items()) or "none"
    raise SetupError(
        f"Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]} is needed; found on PATH: {found}. "
        "Install one, or name it: `make setup PYTHON=/path/to/python3.12`."
    )


def version_of(python: str) -> tuple[int, ...] | None:
    """The version of an interpreter, or None when it does not run."""
    program = "import sys; print(*sys.version_info[:3])"
    try:
        answer = subprocess.run(
            [python, "-I", "-c", program],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            timeout=30,
            check=False,
        )
        return tuple(map(int, answer.stdout.split())) if answer.returncode == 0 else None
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def find_uv(python: str, *, pinned: bool = False) -> str:
    """The uv on PATH, else the pinned one, fetched when it is not there yet.

    Args:
        python: Interpreter to make the pinned uv's environment with.
        pinned: Whether only the pinned one will do: lock files differ from version to version.

    Raises:
        SetupError: It cannot be fetched.
    """
    on_path = shutil.which("uv")
    if on_path and not pinned and _uv_version(on_path) >= OLDEST_UV:
        return on_path
    folder = REPOSITORY / ".venv-uv"
    uv = folder / "bin" / "uv"
    wanted = (REPOSITORY / "include" / "onemachine" / "uv.txt").read_text()
    version = tuple(map(int, re.findall(r"\d+", wanted.split("==", 1)[1].split()[0])))
    if _uv_version(str(uv)) == version:
        return str(uv)
    _say(f"fetching uv {'.'.join(map(str, version))}")
    made = _try([python, "-m", "venv", "--clear", str(folder)])
    if made.returncode:
        raise SetupError(
            f"{python} cannot make a virtual environment: {_last(made)}. On Debian and Ubuntu install it with "
            f"`apt install python{'.'.join(map(str, (version_of(python) or OLDEST)[:2]))}-venv`; "
            "or install uv (https://docs.astral.sh/uv/) and run this again."
        )
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    lock_file = str(REPOSITORY / "include" / "onemachine" / "uv.txt")
    fetched = _try([*install, "--require-hashes", "--only-binary", ":all:", "-r", lock_file])
    if fetched.returncode:
        raise SetupError(
            f"uv could not be fetched from the package index: {_last(fetched)}. Behind a mirror set PIP_INDEX_URL and "
            "UV_INDEX_URL; or install uv by other means and run this again."
        )
    return str(uv)


def _uv_version(uv: str) -> tuple[int, ...]:
    try:
        answer = _try([uv, "--version"])
    except OSError:
        return ()
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", answer.stdout) if answer.returncode == 0 else None
    return tuple(map(int, found.groups())) if found else ()


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not HELD_BACK.fullmatch(name)}
    kept["UV_PYTHON_DOWNLOADS"] = "never"  # an interpreter is the user's to choose
    # As pip does: behind a company's proxy only the system's own store knows who signs.
    kept.setdefault("UV_SYSTEM_CERTS", "true")
    cache = Path(kept.get("XDG_CACHE_HOME") or Path(kept.get("HOME") or "/nonexistent") / ".cache")
    writable = next((folder for folder in (cache, *cache.parents) if folder.exists()), cache)
    if not os.access(str(writable), os.W_OK):
        kept.setdefault("UV_CACHE_DIR", str(REPOSITORY / ".local" / "uv-cache"))
    return kept


def _try(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env=_environment(),
        cwd=str(REPOSITORY),
        text=True,
        check=False,
    )


def _run(command: list[str]) -> None:
    """Run a command with its output shown.

    Raises:
        SetupError: It failed.
    """
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, env=_environment(), cwd=str(REPOSITORY), check=False)
    if ended.returncode:
        raise SetupError(f"`{' '.join(command)}` failed with code {ended.returncode}; its own words stand above.")


def _last(ended: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in ended.stdout.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"exit code {ended.returncode}"


def _real(python: str) -> str:
    # The interpreter itself rather than a shim or an environment around it, which may change or go away.
    program = "import os, sys; print(os.path.realpath(sys.executable))"
    return _try([python, "-I", "-c", program]).stdout.strip() or python


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two `make` commands at once must not build the same environment."""
    folder = REPOSITORY / ".local"
    folder.mkdir(exist_ok=True)
    with (folder / "setup.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
