"""Build a data set to train and judge on: captured inputs joined with their labels, split by a hash of the id."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import CapturedRows, Reading, captured_rows
from endpointwatch.config.training import Training
from endpointwatch.errors import DatasetError, PlanError
from endpointwatch.jobs import recipe
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.plan import CAPTURE_PATH, GROUND_TRUTH_PATH, INITIAL_PATH, OUTPUT_PATH, DatasetPlan
from endpointwatch.jobs.row_labels import with_labels
from endpointwatch.merge.join import last_delivered, repeated
from endpointwatch.merge.labels import SCHEMA, labels
from endpointwatch.merge.sources import AWS_RECORD
from endpointwatch.reports import files

PARTS = ("train", "validation", "test")
TIME = pl.Datetime("us", "UTC")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Truth:
    """The labels that were delivered.

    Attributes:
        last: ``id`` and ``truth`` (the label's text), of each id the record delivered last.
        read: Records read.
        duplicate: Records that say what a later one of their id says.
        conflicting: Records that say something else than the last one of their id.
    """

    last: pl.DataFrame
    read: int
    duplicate: int
    conflicting: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Captured rows of requests, each request once.

    Attributes:
        frame: ``id``, the time of the inference, the label (null where none was delivered) and the features, in the
            order of the captures.
        ids: Those of all requests of the windows.
        mismatched: Rows of requests that have another number of rows than labels; they are set aside.
        duplicates: Rows captured again under an id that was already there (a request sent twice).
    """

    frame: pl.DataFrame
    ids: pl.Series
    mismatched: int
    duplicates: int


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
    truth = _truth(container.path(GROUND_TRUTH_PATH), plan, delivered)
    rows = _rows(container.path(CAPTURE_PATH), plan, training, truth.last, captured)
    paired = rows.frame.filter(pl.col(training.label).is_not_null())
    unlabelled = rows.frame.height - paired.height
    unknown = int((~truth.last.get_column("id").is_in(rows.ids.implode())).sum())
    kept, windows = recipe.capped(paired, plan.windows, training.recipe)
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
            "used": truth.last.height - unknown,
            "duplicate": truth.duplicate,
            "unknown": unknown,
            "conflicting": truth.conflicting,
            "set_aside": delivered.rows().set_aside,
        },
        "labelled": paired.height,
        "unlabelled": unlabelled,
        "mismatched": rows.mismatched,
        "duplicates": rows.duplicates,
        "parts": {name: part.height for name, part in parts.items()},
        "label_values": _values(paired),
        "set_aside": [fault.model_dump() for fault in (*captured.listed, *delivered.listed)],
    }
    _log.info("labelled %d, unlabelled %d, parts %s", paired.height, unlabelled, about["parts"])
    if paired.height < training.minimum_rows:
        raise DatasetError(
            f"{paired.height} labelled rows in {len(plan.windows)} windows, fewer than training.minimum_rows = "
            f"{training.minimum_rows} ({unlabelled} captured rows have no label yet, "
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


def _truth(folder: Path, plan: DatasetPlan, tally: Tally) -> Truth:
    """The labels below ``folder``, read and chosen among as the merge does it."""
    limits = plan.endpoint.ground_truth
    record = limits.record if limits is not None else AWS_RECORD
    every = pl.concat([pl.DataFrame(schema=SCHEMA), *labels(folder, record, tally)])
    last = last_delivered(every)
    duplicate, conflicting, _ = repeated(every, last)
    return Truth(last.select("id", truth="data"), tally.rows().read, duplicate, conflicting)


def _rows(folder: Path, plan: DatasetPlan, training: Training, last: pl.DataFrame, tally: Tally) -> Rows:
    """The windows' rows with their features and labels; a request of many rows takes as many labels."""
    names = list(training.features)
    reading = Reading(plan.windows, ("input",), plan.endpoint.monitors[0].json_payloads)
    texts = dict.fromkeys((training.label, *names), pl.String)
    schema: dict[str, pl.DataType | type[pl.DataType]] = {
        "id": pl.String, "request": pl.String, recipe.TIME: TIME, **texts,
    }  # fmt: skip
    ids, found = [pl.Series("id", [], pl.String)], [pl.DataFrame(schema=schema)]
    for part in captured_rows(folder, tally, reading):
        nameless = pl.col("id").is_null()
        for line in part.frame.filter(nameless).get_column("line"):
            tally.set_aside("id", part.file, line, "the record has neither an inferenceId nor an eventId")
        named = part.frame.filter(~nameless)
        if not named.height:
            continue
        ids.append(named.get_column("id").unique(maintain_order=True))
        truths = named.drop("truth").join(last, on="id", how="left", maintain_order="left")
        # Before rows are set aside for their width: a label's place is that of its row in the payload.
        good = _sized(part, with_labels(truths, training.label, part.file, tally), names, tally)
        tally.analysed += good.height
        about = (
            "id",
            pl.format("{}:{}", pl.lit(part.file), "line").alias("request"),
            pl.col("time").alias(recipe.TIME),
            pl.col("actual").alias(training.label),
        )
        found.append(good.select(*about, pl.col("input").list.to_struct(fields=names)).unnest("input"))
    every = pl.concat(found)
    once = every.filter(pl.col("request") == pl.col("request").first().over("id")).drop("request")
    return Rows(once, pl.concat(ids), tally.kinds["label"], every.height - once.height)


def _sized(part: CapturedRows, rows: pl.DataFrame, names: list[str], tally: Tally) -> pl.DataFrame:
    """The rows that have all features, as lists in their order; a row with names may have others besides."""
    if part.names is None:
        sized = rows.with_columns(width=pl.col("input").list.len())
        for line, width in sized.filter(pl.col("width") != len(names)).select("line", "width").iter_rows():
            tally.set_aside("width", part.file, line, f"the row has {width} cells, training.features {len(names)}")
        return sized.filter(pl.col("width") == len(names))
    places = {name: place for place, name in enumerate(part.names)}
    # Null is a missing value, which is an empty cell in the CSV that is written of them.
    cells = [pl.col("cells").list.get(places[name]) if name in places else pl.lit(None, pl.String) for name in names]
    sized = rows.with_columns(input=pl.concat_list(cells))
    told = pl.col("input").list.drop_nulls().list.len() > 0
    for line in sized.filter(~told).get_column("line"):
        tally.set_aside("width", part.file, line, "the row has none of the columns that training.features names")
    return sized.filter(told)


def _values(frame: pl.DataFrame) -> dict[str, int]:
    label = frame.columns[2]
    counts = frame.group_by(label).len().sort(label)
    return dict(counts.iter_rows())
