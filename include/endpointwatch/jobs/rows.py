"""The captured rows that a monitor looks at."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from endpointwatch.capture.records import SIDES
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading, captured_rows
from endpointwatch.jobs.collect import Batch

if TYPE_CHECKING:  # a process that helps to read is done sooner without the models of all sections
    from endpointwatch.config.data_quality import DataQuality
    from endpointwatch.config.endpoint import Endpoint


def sides_of(endpoint: Endpoint, settings: DataQuality) -> tuple[str, ...]:
    """What a row of the monitor is made of: the model's output before its input, as far as they are captured."""
    wanted = SIDES if settings.include_output else ("input",)
    return tuple(side for side in wanted if side.capitalize() in endpoint.capture.modes)


def captured(folder: Path, tally: Tally, reading: Reading, names: Collection[str] | None = None) -> Iterator[Batch]:
    """The captured rows below ``folder`` (or in its files ``names``), a cell for each value of output and input."""
    for part in captured_rows(folder, tally, reading, names):
        columns = part.columns(reading.sides)
        if columns is not None:
            yield Batch.regular(part.file, columns)
        else:
            yield Batch(part.file, part.cells(reading.sides), part.names)
