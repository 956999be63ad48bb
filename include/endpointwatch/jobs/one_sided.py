"""Captures of which only one side was kept, whatever is asked for."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.jobs.gather import gathered
from endpointwatch.states import Table

_log = logging.getLogger(__name__)


def of_captures(source: Path, reading: Reading, learnt: tuple[str, ...]) -> tuple[Table, Tally]:
    """The state of captured rows, and what became of them.

    AWS's schedules ask for both sides whatever is captured: where no record has the one, rows are made of the other.
    """
    tally = Tally()
    state = gathered(source, tally, reading, names=learnt)
    if not state.rows and len(reading.sides) > 1 and tally.kinds["missing"]:
        for side in reading.sides:
            of_side = Tally()
            alone = gathered(source, of_side, replace(reading, sides=(side,)), names=learnt)
            if alone.rows:
                _log.info("No record has both sides; rows are made of the %s alone.", side)
                return alone, of_side
    return state, tally
