"""Build a data set to train and judge on: captured inputs joined with their labels, split by a hash of the id."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from endpointwatch.capture.labels import Labels, labels
from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import CapturedRows, Reading, captured_rows
from endpointwatch.config.training import Training
from endpointwatch.errors import DatasetError, PlanError
from endpointwatch.jobs import recipe
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.plan import CAPTURE_PATH, GROUND_TRUTH_PATH, INITIAL_PATH, OUTPUT_PATH, DatasetPlan
from endpointwatch.reports import files

PARTS = ("train", "validation", "test")
TIME = pl.Datetime("us", "UTC")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Joined:
    """Captured rows with their labels.

    Attributes:
        frame: ``id``, the time of the inference, the label and the features as texts, in the order of the captures.
        unlabelled: Rows for which no label was delivered.
        mismatched: Rows of requests that have another number of rows than labels.
        duplicates: Rows captured again under an id that was already there (a request sent twice).
        unused: Labels that belong to no captured row of the windows.
    """

    frame: pl.DataFrame
    unlabelled: int
    mismatched: int
    duplicates: int
    unused: int


def run(plan: DatasetPlan, container: Container) -> None:
    """Write ``train/``, ``validation/``, ``test/``, ``dataset.json`` and ``manifest.json``.

    Raises:
        PlanError: The endpoint has no ``training`` section.
        CaptureError: Captures or labels cannot be read at all.
        DatasetError: Fewer labelled rows than ``training.minimum_rows``, or a part without rows.
    """
    training = plan.endpoint.training
    if training is None:
        raise PlanError(f"Endpoint {plan.endpoint.name!r} has no `training` section, so there is no data set to build.")
    captured, delivered = Tally(), Tally()
    rows = _features(container.path(CAPTURE_PATH), plan, training, captured)
    truth = labels(container.path(GROUND_TRUTH_PATH), delivered, key=training.label)
    joined = join(rows, truth, training)
    kept, windows = recipe.capped(joined.frame, plan.windows, training.recipe)
    given = {name: recipe.original(container.path(INITIAL_PATH) / name, training) for name in recipe.MIXED}
    blends = {name: _part(name, part, given, training) for name, part in split(kept.drop(recipe.TIME), plan).items()}
    parts = {name: blend.frame for name, blend in blends.items()}
    about = {
        "version": "1",
        "endpoint": plan.endpoint.name,
        "windows": [window.model_dump(mode="json") for window in plan.windows],
        "label": training.label,
        "features": list(training.features),
        "rows": captured.rows().model_dump(),
        "labels": {
            "read": truth.read,
            "set_aside": delivered.rows().set_aside,
            "superseded": truth.superseded,
            "unused": joined.unused,
        },
        "labelled": joined.frame.height,
        "unlabelled": joined.unlabelled,
        "mismatched": joined.mismatched,
        "duplicates": joined.duplicates,
        "parts": {name: part.height for name, part in parts.items()},
        "label_values": _values(joined.frame),
        "set_aside": [fault.model_dump() for fault in (*captured.listed, *delivered.listed)],
    }
    _log.info("labelled %d, unlabelled %d, parts %s", joined.frame.height, joined.unlabelled, about["parts"])
    if joined.frame.height < training.minimum_rows:
        raise DatasetError(
            f"{joined.frame.height} labelled rows in {len(plan.windows)} windows, fewer than training.minimum_rows = "
            f"{training.minimum_rows} ({joined.unlabelled} captured rows have no label yet, "
            f"{captured.rows().set_aside} were set aside). Wait for labels, or take more windows."
        )
    if empty := [name for name, part in parts.items() if part.is_empty()]:
        raise DatasetError(f"No row fell into {', '.join(empty)}; take more windows or larger shares.")
    output = container.path(OUTPUT_PATH)
    texts = {name: part.select(training.label, *training.features).write_csv() for name, part in parts.items()}
    for name, text in texts.items():
        files.write_text(output / name / f"{name}.csv", text)
    files.write_text(output / "dataset.json", files.json_text(about))
    made_of = recipe.manifest(
        endpoint=plan.endpoint.name,
        training=training,
        windows=windows,
        excluded=[one.model_dump(mode="json") for one in plan.excluded],
        inputs={"captures_sha256": plan.captures_manifest, "labels_sha256": plan.labels_manifest},
        sources={name: one.sources for name, one in given.items()},
        parts=blends,
        texts=texts,
    )
    files.write_text(output / recipe.MANIFEST_FILE, files.json_text(made_of))


def join(rows: pl.DataFrame, truth: Labels, training: Training) -> Joined:
    """Captured rows with the label of their id; a request of many rows takes as many labels, by line or by comma."""
    first = rows.unique(("id", "row"), keep="first", maintain_order=True)
    paired = first.join(truth.frame, on="id", how="left", maintain_order="left")
    by_line = pl.col("label").str.split("\n").list.eval(pl.element().str.strip_chars())
    by_comma = pl.col("label").str.split(",").list.eval(pl.element().str.strip_chars())
    size = pl.len().over("id")
    several = pl.when(by_line.list.len() == size).then(by_line).when(by_comma.list.len() == size).then(by_comma)
    # The position among the id's rows, which is that in the payload also when a row of it was set aside.
    one = several.list.get(pl.col("row"), null_on_oob=True)
    told = paired.with_columns(one=one)
    frame = told.filter(pl.col("one").is_not_null()).with_columns(pl.col("one").alias(training.label))
    return Joined(
        frame=frame.select("id", recipe.TIME, training.label, *training.features),
        unlabelled=told.filter(pl.col("label").is_null()).height,
        mismatched=told.filter(pl.col("label").is_not_null() & pl.col("one").is_null()).height,
        duplicates=rows.height - first.height,
        unused=truth.frame.join(rows, on="id", how="anti").height,
    )


def split(frame: pl.DataFrame, plan: DatasetPlan) -> dict[str, pl.DataFrame]:
    """The rows by part; which part a row falls into depends on its id alone."""
    names = [part_of(identity, plan.test_share, plan.validation_share) for identity in frame.get_column("id")]
    column = pl.Series("part", names, pl.String)
    return {part: frame.filter(column == part) for part in PARTS}


def part_of(identity: str, test_share: float, validation_share: float) -> str:
    """``train``, ``validation`` or ``test``: the same for one id in every data set ever built."""
    place = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8], "big") / 2**64
    if place < test_share:
        return "test"
    return "validation" if place < test_share + validation_share else "train"


def _part(name: str, part: pl.DataFrame, given: dict[str, recipe.Original], training: Training) -> recipe.Part:
    """A part as the recipe has it; models are judged on the windows' own test rows."""
    if name not in given:
        return recipe.Part(part, recent=part.height, original=0)
    limit = training.recipe.maximum_rows if name == "train" else None
    return recipe.blended(part, given[name].frame, training.recipe, limit=limit)


def _features(folder: Path, plan: DatasetPlan, training: Training, tally: Tally) -> pl.DataFrame:
    names = list(training.features)
    json_payloads = plan.endpoint.monitors[0].json_payloads
    found: list[pl.DataFrame] = []
    for captured in captured_rows(folder, tally, Reading(plan.windows, ("input",), json_payloads)):
        sized = _sized(captured, names, tally)
        nameless = sized.filter(pl.col("id").is_null())
        for line in nameless.get_column("line"):
            tally.set_aside("id", captured.file, line, "the record has neither an inferenceId nor an eventId")
        good = sized.filter(pl.col("id").is_not_null())
        tally.analysed += good.height
        cells = pl.col("input").list.to_struct(fields=names)
        found.append(good.select("id", "row", pl.col("time").alias(recipe.TIME), cells).unnest("input"))
    if not found:
        texts = dict.fromkeys(names, pl.String)
        return pl.DataFrame(schema={"id": pl.String, "row": pl.Int64, recipe.TIME: TIME, **texts})
    return pl.concat(found)


def _sized(captured: CapturedRows, names: list[str], tally: Tally) -> pl.DataFrame:
    """The rows that have all features, as lists in their order; a row with names may have others besides."""
    if captured.names is None:
        sized = captured.frame.with_columns(width=pl.col("input").list.len())
        for line, width in sized.filter(pl.col("width") != len(names)).select("line", "width").iter_rows():
            tally.set_aside("width", captured.file, line, f"the row has {width} cells, training.features {len(names)}")
        return sized.filter(pl.col("width") == len(names))
    places = {name: place for place, name in enumerate(captured.names)}
    # Null is a missing value, which is an empty cell in the CSV that is written of them.
    cells = [pl.col("cells").list.get(places[name]) if name in places else pl.lit(None, pl.String) for name in names]
    sized = captured.frame.with_columns(input=pl.concat_list(cells))
    told = pl.col("input").list.drop_nulls().list.len() > 0
    for line in sized.filter(~told).get_column("line"):
        tally.set_aside("width", captured.file, line, "the row has none of the columns that training.features names")
    return sized.filter(told)


def _values(frame: pl.DataFrame) -> dict[str, int]:
    label = frame.columns[2]
    counts = frame.group_by(label).len().sort(label)
    return dict(counts.iter_rows())
