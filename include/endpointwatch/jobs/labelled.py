"""The state of a window's merged records, read by all cores of this machine."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from endpointwatch.capture.tally import Tally
from endpointwatch.jobs.cores import cores
from endpointwatch.jobs.parts import Names, cut
from endpointwatch.jobs.predictions import captured, collected, total
from endpointwatch.jobs.spread import spread
from endpointwatch.monitors.performance import State
from endpointwatch.monitors.predictions import Reader

#: Merged files are larger, so that each is a part of its own; small ones of another's merge come together.
PART_BYTES = 24 * 1024 * 1024
MOST_HELPERS = 3


def labelled_state(folder: Path, reader: Reader, tally: Tally) -> State | None:
    """The state of all merged records below ``folder`` that can be judged; None without any.

    It does not depend on how many cores there are. Only of classifiers: sums of a regression's errors differ in their
    last digits with the sets of rows that they are made of.

    Raises:
        CaptureError: A file cannot be read.
    """
    sets = cut(folder, PART_BYTES)
    states: list[State] = []
    for state, found in spread(partial(_read, folder, reader), sets, min(cores(), MOST_HELPERS + 1, len(sets)) - 1, 2):
        tally.add(found)
        states += [state] if state is not None else []
    return total(states) if states else None


def _read(folder: Path, reader: Reader, names: Names) -> tuple[State | None, Tally]:
    tally = Tally()
    return collected(captured(folder, tally, reader.settings, labelled=True, names=names), reader, tally), tally
