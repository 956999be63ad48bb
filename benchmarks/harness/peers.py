"""Other packages, each in an environment of its own below ``.local/bench``, installed from a lock file with hashes."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

from harness.child import ROOT

ENVIRONMENTS = ROOT / ".local" / "bench"
_STAMP = "endpointwatch-lock.sha256"


class PeerError(Exception):
    """A peer cannot be installed here; the text says why. It is then left out, and the report says so."""


def python_of(peer: str) -> str:
    """The interpreter of the environment that holds what ``benchmarks/requirements-<peer>.txt`` locks.

    Raises:
        PeerError: It cannot be installed.
    """
    lock = ROOT / "benchmarks" / f"requirements-{peer}.txt"
    folder = ENVIRONMENTS / peer
    python = folder / "bin" / "python"
    try:
        wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    except OSError as error:
        raise PeerError(f"{lock} cannot be read: {error.strerror}") from error
    stamp = folder / _STAMP
    if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted and python.exists():
        return str(python)
    uv = _uv()
    print(f"installing {peer} into {folder.relative_to(ROOT)}", flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], peer)
    sync = [uv, "pip", "sync", "--quiet", "--require-hashes", "--compile-bytecode", "--python", str(python), str(lock)]
    _run(sync, peer)
    stamp.write_text(wanted, encoding="ascii")
    return str(python)


def version(python: str, package: str) -> str:
    """The installed version of ``package`` where ``python`` lives."""
    program = f"import importlib.metadata; print(importlib.metadata.version({package!r}))"
    return subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def _uv() -> str:
    # The bootstrap knows where a uv is, and fetches the pinned one where there is none.
    sys.path.insert(0, str(ROOT / "include"))
    from onemachine.bootstrap import SetupError, find_python, find_uv  # noqa: PLC0415

    try:
        return find_uv(find_python())
    except SetupError as error:
        raise PeerError(str(error)) from error


def _run(command: list[str], peer: str) -> None:
    # As the bootstrap does: a company's proxy signs with a certificate that only the system knows.
    environment = {"UV_SYSTEM_CERTS": "true", **os.environ}
    ended = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if ended.returncode:
        said = (ended.stderr or ended.stdout).strip().splitlines()
        raise PeerError(f"{peer} cannot be installed on this Python: {' '.join(said[-3:]) or ended.returncode}")
