"""Files of a folder in one order, and their bytes in pieces that end with a line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from endpointwatch.errors import CaptureError

CHUNK = 8 * 1024 * 1024


def files(folder: Path, suffixes: frozenset[str] | None = None) -> tuple[Path, ...]:
    """The files below ``folder``, sorted by path; ``folder`` may be a single file.

    Files that begin with ``.`` or ``_`` are left out, as Spark does (``_SUCCESS``); with ``suffixes`` all others too.

    The order is part of the result: sketches depend on the order of rows. It is that of the S3 keys, hence of time.

    Raises:
        CaptureError: There is neither such a folder nor such a file.
    """
    if folder.is_file():
        return (folder,)
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder. Check the job's inputs: nothing was put there.")
    found = (path for path in folder.rglob("*") if path.is_file() and not path.name.startswith((".", "_")))
    if suffixes is not None:
        found = (path for path in found if path.suffix.lower() in suffixes)
    return tuple(sorted(found, key=lambda path: path.relative_to(folder).as_posix()))


def chunks(path: Path, size: int = CHUNK) -> Iterator[bytes]:
    """The file's bytes in pieces of about ``size``, each ending with a line feed except perhaps the last.

    Raises:
        CaptureError: The file cannot be read.
    """
    try:
        with path.open("rb") as source:
            while block := source.read(size):
                if not block.endswith(b"\n"):
                    block += source.readline()
                yield block
    except OSError as error:
        raise CaptureError(f"{path}: cannot be read ({error.strerror}).") from error
