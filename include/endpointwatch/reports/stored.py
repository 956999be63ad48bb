"""The windows on record below a monitor's folder of results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from endpointwatch.config.window import Window
from endpointwatch.errors import WindowError
from endpointwatch.reports.files import VERDICT
from endpointwatch.reports.verdict import Verdict
from endpointwatch.states import Table
from endpointwatch.states.file import STATE_FILE, read


@dataclass(frozen=True, slots=True)
class StoredWindow:
    """One window's folder of results.

    Attributes:
        window: Which one, as the folder's name says.
        folder: Where its files lie.
    """

    window: Window
    folder: Path

    def state(self) -> Table | None:
        """Its state; None when none is kept, as for a window without data.

        Raises:
            WindowError: The file is there but cannot be read.
        """
        path = self.folder / STATE_FILE
        try:
            return read(path) if path.is_file() else None
        except ValueError as error:
            raise WindowError(str(error)) from error

    def verdict(self) -> Verdict | None:
        """Its verdict; None when there is none.

        Raises:
            WindowError: The file is there but cannot be read.
        """
        path = self.folder / VERDICT
        try:
            return Verdict.model_validate_json(path.read_bytes()) if path.is_file() else None
        except ValueError as error:
            raise WindowError(f"{path} is no verdict ({error}); run the window again.") from error


def stored_windows(folder: Path, last: int | None = None) -> tuple[StoredWindow, ...]:
    """The windows with a state or a verdict below ``folder``, oldest first.

    Args:
        folder: A monitor's results, ``…/data_quality``: a folder a window, named by :attr:`Window.path`.
        last: So many of the latest; None means all.

    Raises:
        WindowError: There is no such folder, or no window in it.
    """
    found = sorted(_windows(folder), key=lambda stored: (stored.window.end, stored.window.start))
    if not found:
        raise WindowError(
            f"No window's {STATE_FILE} or {VERDICT} lies below {folder}. Name the monitor's folder of results, which "
            "holds <yyyy>/<mm>/<dd>/<hh>/; copied from S3: aws s3 sync <results_uri>/<endpoint>/data_quality <folder>"
        )
    return tuple(found if last is None else found[-last:])


def _windows(folder: Path) -> Iterator[StoredWindow]:
    for place, _, names in os.walk(folder):
        if STATE_FILE in names or VERDICT in names:
            path = Path(place)
            window = Window.at(path.relative_to(folder).as_posix())
            if window is not None:
                yield StoredWindow(window, path)
