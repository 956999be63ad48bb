"""Files of a folder in one order, and their bytes in pieces that end with a line; gzip is undone on the way."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from endpointwatch.errors import CaptureError

CHUNK = 8 * 1024 * 1024
GZIP = ".gz"
SUFFIXES = frozenset({".jsonl", ".json"})
UNREAD = "the file is not read: its name ends with neither .jsonl nor .json, with or without .gz"
_RATIO = 8  # of captures, whose lines are much alike


class DamagedError(CaptureError):
    """A compressed file ends or breaks in the middle; what stands before was already handed on."""


def files(folder: Path, suffixes: frozenset[str] | None = None) -> tuple[Path, ...]:
    """The files below ``folder``, sorted by path; ``folder`` may be a single file.

    What begins with ``.`` or ``_`` is left out, as Spark does, be it a file (``_SUCCESS``) or a folder
    (``_temporary``, ``.ipynb_checkpoints``); with ``suffixes`` all other files, too.

    The order is part of the result: sketches depend on the order of rows. It is that of the S3 keys, hence of time.

    Raises:
        CaptureError: There is neither such a folder nor such a file.
    """
    if folder.is_file():
        return (folder,)
    if not folder.is_dir():
        raise CaptureError(f"{folder}: no such folder. Check the job's inputs: nothing was put there.")
    found = (path for path in folder.rglob("*") if path.is_file() and not _hidden(path.relative_to(folder)))
    if suffixes is not None:
        found = (path for path in found if suffix(path) in suffixes)
    return tuple(sorted(found, key=lambda path: path.relative_to(folder).as_posix()))


def _hidden(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)


def passed_over(folder: Path, suffixes: frozenset[str]) -> tuple[Path, ...]:
    """The files that :func:`files` leaves out for their suffix, sorted by path: whoever reads must account for them."""
    taken = frozenset(files(folder, suffixes))
    return tuple(path for path in files(folder) if path not in taken)


def text_bytes(path: Path) -> int:
    """Bytes of the text in the file: of a compressed one an estimate."""
    return path.stat().st_size * (_RATIO if path.name.lower().endswith(GZIP) else 1)


def suffix(path: Path) -> str:
    """What kind of file it is, in lower case, ``.gz`` aside."""
    name = path.name.lower().removesuffix(GZIP)
    return Path(name).suffix


def chunks(path: Path, size: int = CHUNK) -> Iterator[bytes]:
    """The file's bytes in pieces of about ``size``, each ending with a line feed except perhaps the last.

    Raises:
        DamagedError: The file ends in ``.gz``, and is no gzip or a damaged one.
        CaptureError: The file cannot be read.
    """
    try:
        with _opened(path) as source:
            while block := source.read(size):
                if not block.endswith(b"\n"):
                    block += source.readline()
                yield block
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DamagedError(f"the file is no whole gzip file: {error}") from error
    except OSError as error:
        raise CaptureError(f"{path}: cannot be read ({error.strerror}).") from error


def _opened(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if path.name.lower().endswith(GZIP) else path.open("rb")
