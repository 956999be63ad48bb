"""The data set of a Clarify job as one table: features, label, sensitive columns and the model's answers."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jmespath
import jmespath.exceptions
import polars as pl

from endpointwatch.capture.files import chunks
from endpointwatch.capture.manifests import data_files
from endpointwatch.capture.tally import Tally
from endpointwatch.errors import CaptureError, PlanError
from endpointwatch.jobs.clarify.config import DATA_PATH, AnalysisConfig, Place
from endpointwatch.jobs.container import Container

INPUTS = "/opt/ml/processing/input"
#: What pandas, and so Clarify, reads as a missing value.
MISSING = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "#N/A", "<NA>", "n/a", "-nan", "-NaN"]
PREDICTED = "predicted_label"
#: Where batch transform puts the model's answer when it joins it with the input.
JOINED = "SageMakerOutput"


@dataclass(frozen=True, slots=True)
class DataSet:
    """What a job analyses.

    Attributes:
        rows: Every column that has a part, and the features; missing values are null.
        features: The model's input columns, in their order.
        label: The column of true outcomes; None: the data set has none.
        predicted: The column of the model's answers; None: they are nowhere.
    """

    rows: pl.DataFrame
    features: tuple[str, ...]
    label: str | None
    predicted: str | None

    def column(self, place: Place, key: str) -> str:
        """The name of a column given by name or index.

        Raises:
            PlanError: There is no such column; ``key`` is where the configuration asks for it.
        """
        return _column(self.rows, place, key)


def read(config: AnalysisConfig, container: Container) -> DataSet:
    """The job's data set, joined with those of sensitive columns and of answers where these have their own.

    Raises:
        PlanError: The configuration asks for columns or files that are not there.
        CaptureError: The data cannot be read.
    """
    if config.format in ("json", "jsonlines"):
        rows, label, predicted = _documents(config, container.path(DATA_PATH))
    else:
        rows = _table(container.path(DATA_PATH), config.format or "csv", config.headers)
        label = None if config.label is None else _column(rows, config.label, "label")
        own = config.predicted_label is not None and config.predicted_label_dataset_uri is None
        predicted = _column(rows, config.predicted_label, "predicted_label") if own else None  # type: ignore[arg-type]
    # Excluded columns are no features of the model; they may still be sensitive ones, or the group variable.
    excluded = {_column(rows, place, "excluded_columns") for place in config.excluded_columns}
    features = tuple(name for name in rows.columns if name not in (label, predicted) and name not in excluded)
    joined = config.joinsource_name_or_index
    key = None if joined is None else _column(rows, joined, "joinsource_name_or_index")
    if config.facet_dataset_uri:
        facets = _table(_beside(config.facet_dataset_uri, container), "csv", config.facet_headers)
        # A sensitive column that the model also sees is taken from the data set.
        facets = facets.drop([name for name in facets.columns if name in rows.columns and name != key])
        rows = _joined(rows, facets, key, "facet_dataset_uri")
    if config.predicted_label_dataset_uri:
        answers = _table(_beside(config.predicted_label_dataset_uri, container), "csv", config.predicted_label_headers)
        first: Place = next(name for name in answers.columns if name != key)
        name = _column(answers, first if config.predicted_label is None else config.predicted_label, "predicted_label")
        predicted = name if name not in rows.columns else PREDICTED
        answers = answers.select(*([key] if key else []), pl.col(name).alias(predicted))
        rows = _joined(rows, answers, key, "predicted_label_dataset_uri")
    features = tuple(name for name in features if name != key)
    return DataSet(rows if key is None else rows.drop(key), features, label, predicted)


def _column(rows: pl.DataFrame, place: Place, key: str) -> str:
    if isinstance(place, int) and 0 <= place < rows.width:
        return rows.columns[place]
    if str(place) in rows.columns:
        return str(place)
    raise PlanError(f"{key} is {place!r}, but the data has the columns {rows.columns}. Correct analysis_config.json.")


def _joined(rows: pl.DataFrame, more: pl.DataFrame, key: str | None, setting: str) -> pl.DataFrame:
    """The rows with more columns: by the join column, else row by row."""
    if key is not None:
        if key not in more.columns:
            raise PlanError(f"The data of {setting} has no column {key!r} to be joined by; it has {more.columns}.")
        return rows.join(more, on=key, how="inner", maintain_order="left")
    if rows.height != more.height:
        raise PlanError(
            f"The data set has {rows.height} rows, that of {setting} {more.height}. Give both a column with the same "
            "key, and name it in joinsource_name_or_index."
        )
    return pl.concat([rows, more], how="horizontal")


def _beside(uri: str, container: Container) -> Path:
    """Where a second data set lies in the job: found by its name, since only the job's inputs are on this machine."""
    name = uri.rstrip("/").rsplit("/", 1)[-1]
    found = sorted(path for path in container.path(INPUTS).rglob(name) if container.path(DATA_PATH) not in path.parents)
    if not found:
        raise PlanError(
            f"{uri} is not among the job's inputs, and this job downloads nothing by itself. Give the job an input for "
            f"it, at any folder of its own below {INPUTS}."
        )
    return found[0]


def _table(source: Path, form: str, headers: Iterable[str] | None) -> pl.DataFrame:
    """The files below ``source``, one after the other, with typed columns."""
    found = data_files(source, Tally())
    if not found:
        raise CaptureError(f"Could not find any {form} file under directory {source}. Check the job's inputs.")
    names = None if headers is None else list(headers)
    try:
        parts = [pl.read_parquet(path) if form == "parquet" else _csv(path, names) for path in found]
        rows = pl.concat(parts, how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        raise CaptureError(f"{source}: the {form} data cannot be read: {' '.join(str(error).split())[:300]}") from error
    if form == "parquet" and names is not None:
        _require_width(names, rows.width, source)
        rows = rows.rename(dict(zip(rows.columns, names, strict=True)))
    if rows.is_empty():
        raise CaptureError(f"{source}: the data set has no rows.")
    return rows


def _csv(path: Path, headers: list[str] | None) -> pl.DataFrame:
    raw = b"".join(chunks(path)).removeprefix(b"\xef\xbb\xbf")
    if not raw.strip():
        return pl.DataFrame()
    first = next(csv.reader(io.StringIO(raw[: raw.find(b"\n") + 1 or None].decode(errors="replace"))))
    first = [cell.strip() for cell in first]
    # With names from the configuration a first row that repeats them is a header; without, one that has no number is.
    own = first == headers if headers is not None else not any(_is_number(cell) for cell in first)
    names = headers or (first if own else [str(place) for place in range(len(first))])
    _require_width(names, len(first), path)
    return pl.read_csv(
        raw, has_header=False, skip_rows=int(own), new_columns=names, infer_schema_length=None, null_values=MISSING
    )


def _require_width(names: list[str], width: int, source: Path) -> None:
    if len(names) != width:
        raise PlanError(f"headers has {len(names)} names, but {source} has {width} columns. Name all, the label's too.")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _documents(config: AnalysisConfig, source: Path) -> tuple[pl.DataFrame, str | None, str | None]:
    """JSON by JMESPath: one document a line with one row each, or a document with all rows."""
    found = data_files(source, Tally())
    if not found:
        raise CaptureError(f"Could not find any json file under directory {source}. Check the job's inputs.")
    lines = config.format == "jsonlines"
    picked: dict[str, list[Any]] = {"features": [], "label": [], "predicted_label": []}
    paths = {"features": config.features, "label": config.label, "predicted_label": config.predicted_label}
    if config.predicted_label_dataset_uri:
        paths["predicted_label"] = None
    for path in found:
        for document in _parsed(path, lines=lines):
            for part, place in paths.items():
                if place is None and part != "features":
                    continue
                within = document
                if part == "predicted_label" and isinstance(document, dict) and JOINED in document:
                    within = document[JOINED]
                value = within if place is None else _search(str(place), part)(within)
                picked[part] += [value] if lines or not isinstance(value, list) else value
    rows = _frame(picked["features"], config, source)
    label = predicted = None
    if config.label is not None:
        label = _label_name(config, rows)
        rows = _with(rows, label, picked["label"], "label")
    if paths["predicted_label"] is not None:
        predicted = PREDICTED
        rows = _with(rows, predicted, picked["predicted_label"], "predicted_label")
    return rows, label, predicted


def _parsed(path: Path, *, lines: bool) -> Iterable[Any]:
    raw = b"".join(chunks(path))
    place = 0
    try:
        for place, text in enumerate(raw.split(b"\n") if lines else [raw], start=1):  # noqa: B007 (told in the error)
            if text.strip():
                yield json.loads(text)
    except ValueError as error:
        raise CaptureError(f"{path}:{place}: not valid JSON: {error}") from error


def _search(path: str, key: str) -> Callable[[Any], Any]:
    try:
        compiled = jmespath.compile(path)
    except jmespath.exceptions.JMESPathError as error:
        raise PlanError(f"{key} {path!r} is no JMESPath expression: {' '.join(str(error).split())}") from error

    def search(document: Any) -> Any:
        found = compiled.search(document)
        if found is None:
            raise PlanError(f"{key} {path!r} finds nothing in the data set. Correct analysis_config.json.")
        return found

    return search


def _frame(features: list[Any], config: AnalysisConfig, source: Path) -> pl.DataFrame:
    rows = [list(row.values()) if isinstance(row, dict) else row for row in features]
    if not rows:
        raise CaptureError(f"{source}: the data set has no rows.")
    if not all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
        raise CaptureError(f"{source}: `features` must give each row the same number of values.")
    width = len(rows[0])
    names = list(config.headers or ())[:width] or (
        list(features[0]) if isinstance(features[0], dict) else [str(place) for place in range(width)]
    )
    _require_width(names, width, source)
    return pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None, strict=False)


def _label_name(config: AnalysisConfig, rows: pl.DataFrame) -> str:
    """The label's header, which is the last one; else the last word of its path."""
    if config.headers and len(config.headers) > rows.width:
        return config.headers[rows.width]
    return str(config.label).rsplit(".", 1)[-1]


def _with(rows: pl.DataFrame, name: str, values: list[Any], key: str) -> pl.DataFrame:
    flat = [value[0] if isinstance(value, list) and len(value) == 1 else value for value in values]
    if len(flat) != rows.height:
        raise PlanError(f"{key} finds {len(flat)} values for {rows.height} rows. Correct analysis_config.json.")
    return rows.with_columns(pl.Series(name, flat, strict=False))
