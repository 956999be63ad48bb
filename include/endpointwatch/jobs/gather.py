"""How a window's captured rows become one state: on this machine here, or by another way with the same signature."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.jobs.collect import collect
from endpointwatch.jobs.rows import captured
from endpointwatch.monitors import data_quality
from endpointwatch.states import Table


class Gather(Protocol):
    """From the folder of the captures to the state of the usual rows; ``tally`` gets all rows that were read."""

    def __call__(self, folder: Path, tally: Tally, reading: Reading, *, names: tuple[str, ...]) -> Table: ...


def here(folder: Path, tally: Tally, reading: Reading, *, names: tuple[str, ...]) -> Table:
    """File after file in this process, as :func:`endpointwatch.jobs.collect.collect` says."""
    return collect(captured(folder, tally, reading), tally, data_quality.compute, names=names)
