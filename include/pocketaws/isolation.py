"""How each job and model server gets an ``/opt/ml`` of its own.

The container contract is paths under ``/opt/ml``, and several containers run at once. Three ways, best first:

``mount``
    A private mount namespace in which ``<root>/opt`` lies over ``/opt``. Needs root with CAP_SYS_ADMIN.
``user``
    The same inside a user namespace. Needs a kernel that lets plain users make one.
``rewrite``
    No namespace (macOS, Docker's default seccomp profile): ``/opt/ml`` is replaced in command, arguments, environment
    and configuration files, and ``SAGEMAKER_BASE_DIR`` names the folder, as SageMaker's own toolkits read it.

This keeps paths apart. It is no security sandbox: everything runs as the user who started the local AWS.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

_UNSHARE = {
    "mount": ("unshare", "--mount", "--propagation", "private"),
    "user": ("unshare", "--user", "--map-root-user", "--mount"),
}
WAYS = ("mount", "user", "rewrite")

# Other entries of /opt (a Python, a vendor's tools) are bound back in, so only /opt/ml differs from the host.
_ENTER = (
    'cd "$1" || exit 125; '
    'for p in /opt/*; do n="opt/${p##*/}"; '
    '[ -d "$p" ] && [ ! -e "$n" ] && mkdir "$n" && mount --rbind "$p" "$n"; done; '
    'mount --rbind opt /opt || exit 125; cd /opt/ml || exit 125; shift; exec "$@"'
)
_OPT_ML = re.compile(r"(?<![\w./-])/opt/ml(?![\w-])")


@dataclass(frozen=True, slots=True)
class Isolation:
    """The way in force.

    Attributes:
        way: One of ``WAYS``.
    """

    way: str

    def wrap(self, argv: list[str], environment: dict[str, str], root: Path) -> tuple[list[str], dict[str, str]]:
        """Command and environment that see ``<root>/opt/ml`` as ``/opt/ml``."""
        if self.way in _UNSHARE:
            return [*_UNSHARE[self.way], "sh", "-c", _ENTER, "sh", str(root), *argv], environment
        rewritten = {key: self.text(value, root) for key, value in environment.items()}
        return [self.text(part, root) for part in argv], {**rewritten, "SAGEMAKER_BASE_DIR": str(root / "opt" / "ml")}

    def text(self, text: str, root: Path) -> str:
        """``text`` as the container must read it: ``/opt/ml`` replaced when there is no namespace."""
        if self.way in _UNSHARE:
            return text
        return _OPT_ML.sub(lambda _: str(root / "opt" / "ml"), text)


def host_path(root: Path, path: str) -> Path:
    """Where a container's absolute ``path`` lies on the host.

    Raises:
        ValueError: The path is relative, or would leave the container's root.
    """
    if not path.startswith("/") or ".." in Path(path).parts:
        raise ValueError(f"A path inside a container must be absolute and without '..', but it is {path!r}")
    return root / path.lstrip("/")


def choose(wanted: str = "auto") -> Isolation:
    """The best way that works here, or the one asked for.

    Raises:
        ValueError: The way asked for is unknown or does not work here.
    """
    if wanted == "auto":
        return Isolation(next(way for way in WAYS if _works(way)))
    if wanted not in WAYS:
        raise ValueError(f"Unknown isolation {wanted!r}; there are: auto, {', '.join(WAYS)}")
    if not _works(wanted):
        raise ValueError(f"The isolation {wanted!r} does not work on this machine; use auto, or rewrite")
    return Isolation(wanted)


def _works(way: str) -> bool:
    if way == "rewrite":
        return True
    if not shutil.which("unshare") or not Path("/opt").is_dir():
        return False
    # A namespace may be allowed and mounting in it refused, so both are tried.
    probe = [*_UNSHARE[way], "sh", "-c", "mount --rbind /opt /opt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0
