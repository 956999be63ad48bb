"""What a job's files hold of predictions and labels: texts out of captured outputs, merged records and data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from endpointwatch.capture.tables import TableRows
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import CapturedRows, Reading, captured_rows
from endpointwatch.config.data_quality import JsonPayloads
from endpointwatch.config.model_quality import ModelQuality, jmespath_of
from endpointwatch.config.window import Window
from endpointwatch.errors import BaselineError
from endpointwatch.jobs.parts import Names
from endpointwatch.jobs.row_labels import with_labels
from endpointwatch.monitors.model_quality import compute
from endpointwatch.monitors.performance import State
from endpointwatch.monitors.predictions import Reader
from endpointwatch.states.confusion import Confusion
from endpointwatch.states.residuals import Residuals

_PREDICTED, _TEXTS = "predicted", pl.List(pl.String)
_STARS = ("[*]", "[]")
_PENDING = 1 << 19


@dataclass(frozen=True, slots=True)
class Texts:
    """Some rows of one file: ``line``, ``actual``, ``predicted`` and ``probabilities`` (a list), as texts."""

    file: str
    frame: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a data set's texts stand, by the names of its columns.

    Attributes:
        actual: The label's column.
        predicted: The prediction's; None where probabilities tell.
        probabilities: Those of the probabilities.
    """

    actual: str
    predicted: str | None
    probabilities: tuple[str, ...]

    @classmethod
    def of(cls, settings: ModelQuality, label: str | None = None) -> Columns:
        """The columns of the baseline data set; ``label`` is the label's where the settings do not name one.

        Raises:
            BaselineError: The settings do not say which column the label is.
        """
        actual = settings.ground_truth_attribute or label
        if actual is None:
            raise BaselineError("ground_truth_attribute is not set; it names the label's column in the data set.")
        single = (settings.probability_attribute,) if settings.probability_attribute else ()
        baseline = settings.baseline_probability_attribute
        return cls(
            actual,
            settings.baseline_inference_attribute or settings.inference_attribute,
            settings.baseline_probability_attributes
            or ((baseline,) if baseline else single or settings.probability_attributes),
        )


def captured(
    folder: Path,
    tally: Tally,
    settings: ModelQuality,
    windows: tuple[Window, ...] = (),
    *,
    labelled: bool,
    names: Names | None = None,
) -> Iterator[Texts]:
    """The model's answers below ``folder``; with ``labelled`` those of merged records, each with its label.

    With ``names`` only those in these of the files, relative to the folder.

    Raises:
        CaptureError: The folder is not there, or a file cannot be read.
    """
    strict = settings.aws_compatible == "Enabled"
    reading = Reading(windows, ("output",), json_payloads(settings), strict=strict)
    for part in captured_rows(folder, tally, reading, names):
        if part.frame.height:
            yield texts_of(part, tally, settings, labelled=labelled)


def texts_of(part: CapturedRows, tally: Tally, settings: ModelQuality, *, labelled: bool) -> Texts:
    """The model's answers in captured rows, of which there is one; with ``labelled`` each with its label."""
    frame = _answers(part, settings, tally)
    key = settings.ground_truth_attribute
    return Texts(part.file, with_labels(frame, key, part.file, tally) if labelled else frame)


def data_set(parts: Iterator[TableRows], tally: Tally, columns: Columns) -> Iterator[Texts]:
    """The rows of a data set whose columns have names, or places (``_c0``, or just ``0``).

    Raises:
        BaselineError: A column is not there.
    """
    for part in parts:
        frame = part.frame
        if part.names is not None:
            wrong = pl.col("cells").list.len() != len(part.names)
            for line, cells in frame.filter(wrong).select("line", pl.col("cells").list.len()).iter_rows():
                tally.set_aside("width", part.file, line, f"the row has {cells} cells, the header {len(part.names)}")
            frame = frame.filter(~wrong)
        if not frame.height:
            continue
        width = int(frame.select(pl.col("cells").list.len().max()).item() or 0)
        names = part.names or tuple(f"_c{place}" for place in range(width))
        probabilities = [_cell(_place(name, names, part.file)) for name in columns.probabilities]
        yield Texts(
            part.file,
            frame.select(
                "line",
                actual=_cell(_place(columns.actual, names, part.file)),
                predicted=pl.lit(None, pl.String)
                if columns.predicted is None
                else _cell(_place(columns.predicted, names, part.file)),
                probabilities=pl.concat_list(probabilities) if probabilities else pl.lit(None, _TEXTS),
            ),
        )


def collected(
    parts: Iterator[Texts], reader: Reader, tally: Tally, watch: Callable[[pl.DataFrame], None] | None = None
) -> State | None:
    """The state of all rows that can be judged; the others are set aside. None without any.

    Rows without labels count as if what was predicted were true: then only predictions and scores mean anything.

    Args:
        parts: The rows.
        reader: How texts are read.
        tally: Counts all of them.
        watch: Is shown the rows that can be judged.
    """
    pending: list[State] = []
    waiting = 0
    for part in parts:
        told = reader.read(part.frame)
        for line, kind, reason in told.faults.select("line", "kind", "reason").iter_rows():
            tally.set_aside(kind, part.file, line, reason)
        tally.analysed += told.rows.height
        if not told.rows.height:
            continue
        if watch is not None:
            watch(told.rows)
        rows = told.rows if reader.labelled else told.rows.with_columns(actual="predicted")
        pending.append(compute(rows.select("actual", "predicted", "score").to_arrow().combine_chunks().to_batches()[0]))
        waiting += rows.height
        if waiting > _PENDING:
            pending, waiting = [total(pending)], 0
    if not pending:
        return None
    state = total(pending)
    return state.with_classes(reader.known) if isinstance(state, Confusion) else state


def json_payloads(settings: ModelQuality) -> JsonPayloads:
    """Where the attributes stand in captured JSON, as rows and columns."""
    given = settings.json_payloads
    attributes = _attributes(settings)
    if given.output_columns is not None or all(path.isdigit() for path in attributes.values()):
        return given
    paths = {name: f"[{path}]" if path.isdigit() else jmespath_of(path) for name, path in attributes.items()}
    rows = given.output_rows
    if rows is None:
        split = {name: _split(path) for name, path in paths.items()}
        prefixes = {prefix for prefix, _ in split.values()}
        if len(prefixes) == 1 and None not in prefixes:
            rows = prefixes.pop() or "@"
            paths = {name: column for name, (_, column) in split.items()}
    columns = "{" + ", ".join(f"{name}: {path}" for name, path in paths.items()) + "}"
    return given.model_copy(update={"output_rows": rows, "output_columns": columns})


def _attributes(settings: ModelQuality) -> dict[str, str]:
    """The attributes by the names that their columns get."""
    single = (settings.probability_attribute,) if settings.probability_attribute else ()
    found = {} if settings.inference_attribute is None else {_PREDICTED: settings.inference_attribute}
    return found | {f"p{place}": path for place, path in enumerate(single or settings.probability_attributes)}


def _split(path: str) -> tuple[str | None, str]:
    """``predictions[*].score`` as rows and column; no rows where the path does not run over any."""
    for star in _STARS:
        if star in path:
            rows, column = path.split(star, 1)
            return rows, column.removeprefix(".") or "@"
    return None, path


def _answers(part: CapturedRows, settings: ModelQuality, tally: Tally) -> pl.DataFrame:
    """``line``, ``record``, ``row``, ``truth`` and the prediction's texts; other rows are set aside."""
    attributes = _attributes(settings)
    # With rows and columns of their own the attributes are keys; else the columns have been named for them.
    keys = attributes if settings.json_payloads.output_columns is not None else {name: name for name in attributes}
    if part.names is None:
        places = {name: int(path) if path.isdigit() else None for name, path in attributes.items()}
    else:
        places = {name: part.names.index(key) if key in part.names else None for name, key in keys.items()}
    missing = sorted(attributes[name] for name, place in places.items() if place is None)
    if missing:
        form = "CSV or an array, which have indices only" if part.names is None else f"an object of {part.names[:5]}"
        reason = f"the output is {form}; the attributes {missing} are not in it"
        for line in part.frame.get_column("line"):
            tally.set_aside("attribute", part.file, line, reason)
        return part.frame.clear().select(
            "line", "record", "row", "truth", predicted=pl.lit(None, pl.String), probabilities=pl.lit(None, _TEXTS)
        )
    side = "output" if part.names is None else "cells"
    cells = {
        name: pl.col(side).list.get(place, null_on_oob=True) for name, place in places.items() if place is not None
    }
    probabilities = [cell for name, cell in cells.items() if name != _PREDICTED]
    return part.frame.select(
        "line",
        "record",
        "row",
        "truth",
        actual=pl.lit(None, pl.String),
        predicted=cells.get(_PREDICTED, pl.lit(None, pl.String)),
        probabilities=pl.concat_list(probabilities) if probabilities else pl.lit(None, _TEXTS),
    )


def _place(name: str, names: tuple[str, ...], file: str) -> int:
    for wanted in (name, jmespath_of(name), f"_c{name}"):
        if wanted in names:
            return names.index(wanted)
    if name.isdigit() and int(name) < len(names):
        return int(name)
    raise BaselineError(
        f"{file}: there is no column {name!r}; the data set has {', '.join(names[:20])}. Correct the attribute."
    )


def _cell(place: int) -> pl.Expr:
    return pl.col("cells").list.get(place, null_on_oob=True)


def total(parts: list[State]) -> State:
    """The state of all the parts' rows, of which there is at least one."""
    outcomes = [part for part in parts if isinstance(part, Confusion)]
    if outcomes:
        return Confusion.total(outcomes)
    return Residuals.total([part for part in parts if isinstance(part, Residuals)])
