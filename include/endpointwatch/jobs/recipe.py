"""The recipe of a data set: how many rows of each window, and how many of the original training set beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from endpointwatch.config.training import Recipe, Training
from endpointwatch.config.window import Window
from endpointwatch.errors import DatasetError

#: Parts that are mixed with the original training set. Models are judged on the windows' own test rows.
MIXED = ("train", "validation")
#: Column with the time of a row's inference; no feature is called so.
TIME = "__inferred_at"
MANIFEST_FILE = "manifest.json"


@dataclass(frozen=True, slots=True)
class WindowRows:
    """What one window gave: labelled rows, and those of them that the recipe keeps."""

    window: Window
    labelled: int
    kept: int


@dataclass(frozen=True, slots=True)
class Source:
    """One file of the original training set."""

    file: str
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Original:
    """Rows of the original training set.

    Attributes:
        frame: ``id`` (file and line), the label and the features as texts.
        sources: The files they come from.
    """

    frame: pl.DataFrame
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a part of the data set, the windows' first.

    Attributes:
        frame: ``id``, the label and the features.
        recent: How many of them the windows gave.
        original: How many the original training set gave.
    """

    frame: pl.DataFrame
    recent: int
    original: int


def capped(
    frame: pl.DataFrame, windows: Sequence[Window], recipe: Recipe
) -> tuple[pl.DataFrame, tuple[WindowRows, ...]]:
    """The rows that ``maximum_rows_per_window`` leaves, in their order, and the count of each window.

    Args:
        frame: Labelled rows with ``id`` and :data:`TIME`, shape ``(rows, columns)``.
        windows: A row that lies in several belongs to the one that starts first.
        recipe: The limit and the seed.
    """
    place = pl.lit(None, pl.Int64)
    for number, window in sorted(enumerate(windows), key=lambda item: item[1].start, reverse=True):
        inside = (pl.col(TIME) >= window.start) & (pl.col(TIME) < window.end)
        place = pl.when(inside).then(pl.lit(number, pl.Int64)).otherwise(place)
    placed = frame.select(place.alias("place")).to_series()
    limit, kept, counts = recipe.maximum_rows_per_window, pl.repeat(value=False, n=frame.height, eager=True), []
    for number, window in enumerate(windows):
        own = placed.eq(number).fill_null(value=False)
        chosen = _lowest(frame, own, limit, f"{recipe.seed}/window")
        kept = kept | chosen
        counts.append(WindowRows(window, int(own.sum()), int(chosen.sum())))
    return frame.filter(kept), tuple(counts)


def blended(recent: pl.DataFrame, original: pl.DataFrame, recipe: Recipe, *, limit: int | None = None) -> Part:
    """Rows of both sources in the recipe's shares, as far as there are enough original ones.

    Args:
        recent: The windows' rows of the part.
        original: The original training set's rows of the part; may be empty.
        recipe: The shares and the seed.
        limit: At most so many rows in all; None: no limit.
    """
    share = recipe.recent_share
    mine = recent.height if limit is None else min(recent.height, max(1, round(limit * share)))
    wanted = round(mine * (1 - share) / share)
    theirs = min(original.height, wanted if limit is None else min(wanted, limit - mine))
    every = pl.repeat(value=True, n=recent.height, eager=True)
    chosen = recent.filter(_lowest(recent, every, mine, f"{recipe.seed}/recent"))
    every = pl.repeat(value=True, n=original.height, eager=True)
    drawn = original.filter(_lowest(original, every, theirs, f"{recipe.seed}/original"))
    return Part(pl.concat([chosen, drawn.select(chosen.columns)]), chosen.height, drawn.height)


def original(folder: Path, training: Training) -> Original:
    """The rows of the CSV files (with a header) below ``folder``, as texts; none when it is not there.

    Raises:
        DatasetError: A file cannot be read, or lacks the label or a feature.
    """
    names = [training.label, *training.features]
    frames, sources = [pl.DataFrame(schema=dict.fromkeys(("id", *names), pl.String))], []
    for path in sorted(folder.rglob("*.csv")) if folder.is_dir() else ():
        file, content = path.relative_to(folder).as_posix(), path.read_bytes()
        try:
            # Columns are found by name; whatever else the file has is left out.
            rows = pl.read_csv(content, infer_schema=False)
        except pl.exceptions.PolarsError as error:
            raise DatasetError(f"{file} of training.initial_dataset_uri is no CSV with a header: {error}") from error
        if gone := [name for name in names if name not in rows.columns]:
            raise DatasetError(f"{file} of training.initial_dataset_uri has no column {gone}; it has {rows.columns}.")
        identity = pl.format("{}:{}", pl.lit(file), pl.int_range(2, pl.len() + 2)).alias("id")
        frames.append(rows.select(identity, *names))
        sources.append(Source(file, rows.height, hashlib.sha256(content).hexdigest()))
    return Original(pl.concat(frames), tuple(sources))


def manifest(
    *,
    endpoint: str,
    training: Training,
    windows: Iterable[WindowRows],
    excluded: Iterable[Mapping[str, Any]],
    inputs: Mapping[str, Any],
    sources: Mapping[str, Sequence[Source]],
    parts: Mapping[str, Part],
    texts: Mapping[str, str],
) -> dict[str, Any]:
    """``manifest.json``: what the data set was made of, so that it can be told apart and made again.

    Args:
        endpoint: Its name.
        training: The section that holds the recipe.
        windows: The windows that were taken.
        excluded: Those that were not, each with its reason.
        inputs: What the job was given of the windows: hashes of the listings of captures and labels.
        sources: Files of the original training set, by part.
        parts: Rows by part.
        texts: The parts' CSV files, whose hashes are told.
    """
    return {
        "version": "1",
        "endpoint": endpoint,
        "recipe": training.recipe.model_dump(mode="json"),
        "windows": [
            {**one.window.model_dump(mode="json"), "labelled": one.labelled, "kept": one.kept} for one in windows
        ],
        "excluded": [dict(one) for one in excluded],
        "sources": {
            **inputs,
            "initial_dataset_uri": training.initial_dataset_uri if any(sources.values()) else None,
            "initial_files": {
                name: [{"file": one.file, "rows": one.rows, "sha256": one.sha256} for one in files]
                for name, files in sources.items()
            },
        },
        "parts": {
            name: {
                "rows": part.recent + part.original,
                "recent": part.recent,
                "original": part.original,
                "sha256": hashlib.sha256(texts[name].encode()).hexdigest(),
            }
            for name, part in parts.items()
        },
    }


def _lowest(frame: pl.DataFrame, among: pl.Series, count: int | None, seed: str) -> pl.Series:
    """Whether each row is one of the ``count`` rows with the lowest hashes ``among`` some of them; None takes all.

    A row's hash follows from its id and its place among the rows of that id, so the draw of one window does not depend
    on what else is in the data set, and a larger draw holds every smaller one.
    """
    if count is None or count >= int(among.sum()):
        return among
    keys = frame.select(pl.col("id"), pl.int_range(pl.len()).over("id").alias("nth"))
    places = pl.Series([_hash(seed, identity, nth) for identity, nth in keys.iter_rows()], dtype=pl.UInt64)
    limit = pl.DataFrame({"place": places}).filter(among).get_column("place").sort()
    return among & (places < limit[count]) if count else pl.repeat(value=False, n=frame.height, eager=True)


def _hash(seed: str, identity: str, nth: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}/{identity}/{nth}".encode()).digest()[:8], "big")
