"""Learn every monitor's baseline from one data set."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

from endpointwatch import __version__
from endpointwatch.capture.tables import table_rows
from endpointwatch.capture.tally import Tally
from endpointwatch.config.endpoint import DataQuality, Endpoint
from endpointwatch.errors import BaselineError
from endpointwatch.jobs.collect import Batch, collect
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.monitor import declared, sides_of, write_report
from endpointwatch.jobs.plan import DATASET_PATH, OUTPUT_PATH, BaselinePlan
from endpointwatch.monitors.registry import MONITORS
from endpointwatch.reports import files
from endpointwatch.states import Table

_log = logging.getLogger(__name__)


def run(plan: BaselinePlan, container: Container) -> None:
    """Write every monitor's baseline.

    Raises:
        PlanError: The plan names a monitor that is not declared.
        CaptureError: The data set cannot be read.
        BaselineError: It has no rows, or rows of another width than its header.
    """
    for name in plan.monitors:
        settings = declared(plan.endpoint, name)
        tally = Tally()
        state = _state(container.path(DATASET_PATH), tally, name)
        state = _watched(state, plan.endpoint, settings)
        folder = container.path(OUTPUT_PATH) / name
        write_report(folder, state, MONITORS[name].suggest(state, settings))
        identity = hashlib.sha256()
        for file in (files.STATISTICS, files.CONSTRAINTS):
            identity.update((folder / file).read_bytes())
        about = {
            "version": "1",
            "id": identity.hexdigest(),
            "endpoint": plan.endpoint.name,
            "monitor": name,
            "model_version": plan.model_version,
            "dataset_uri": plan.dataset_uri,
            "learned_at": plan.learned_at,
            "rows": tally.rows().model_dump(),
            "columns": list(state.names),
            "analyzer_version": __version__,
        }
        files.write_text(folder / files.BASELINE, files.json_text(about))
        _log.info("%s: baseline over %d rows and %d columns", name, state.rows, len(state.names))


def _state(folder: Path, tally: Tally, monitor: str) -> Table:
    names: tuple[str, ...] = ()

    def cells() -> Iterator[Batch]:
        nonlocal names
        for rows in table_rows(folder, tally, header=True):
            names = rows.names or names
            yield Batch(rows.file, rows.frame)

    state = collect(cells(), tally, MONITORS[monitor].compute)
    if not state.rows:
        raise BaselineError(f"The data set in {folder} has no rows to learn a baseline from.")
    if len(names) != len(state.columns):
        raise BaselineError(
            f"The data set's header has {len(names)} names ({', '.join(names[:5])}, …), its rows have "
            f"{len(state.columns)} cells. Write it as CSV with a header, the model's output column first."
        )
    return state.renamed(names)


def _watched(state: Table, endpoint: Endpoint, settings: DataQuality) -> Table:
    """The data set's columns without the model's output (the first one) where that is not watched."""
    sides = sides_of(endpoint, settings)
    first = 0 if "output" in sides else 1
    last = len(state.names) if "input" in sides else 1
    return Table(state.names[first:last], state.columns[first:last], state.rows)
