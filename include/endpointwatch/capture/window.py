"""The rows of a window out of its captured files: filtered, paired, counted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import polars as pl

from endpointwatch.capture import encodings
from endpointwatch.capture.ahead import ahead
from endpointwatch.capture.files import SUFFIXES, UNREAD, files, passed_over, suffix
from endpointwatch.capture.marks import OWN_TRAFFIC
from endpointwatch.capture.pairing import Keys, Paired, named_frames, pair
from endpointwatch.capture.payloads import CELLS, MAX_CELLS, Unpaired, rows_of
from endpointwatch.capture.records import BATCH, SIDES, records
from endpointwatch.capture.regular import Columns, columns_of
from endpointwatch.capture.tally import Tally
from endpointwatch.config.data_quality import JsonPayloads
from endpointwatch.config.window import Window

SHADOW = "ShadowExperiment"
_TIME_FORMATS = ("%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S%.fZ", "%Y-%m-%dT%H:%M:%S%.f%:z")
FLAT = JsonPayloads()
_SHADOW = pl.col("source").eq_missing(SHADOW) | pl.col("inference_id").str.starts_with(OWN_TRAFFIC).fill_null(
    value=False
)
_ABOUT = (
    pl.col("line"),
    pl.col("time"),
    pl.coalesce("inference_id", "event_id").alias("id"),
    pl.col("truth_data").alias("truth"),
)
_POSITIONS: dict[str, pl.DataType | type[pl.DataType]] = {
    "record": pl.Int64,
    "row": pl.Int64,
    "output": CELLS,
    "input": CELLS,
}


class CapturedRows:
    """Some rows of one file.

    Attributes:
        file: The file, relative to the folder that was read.
        names: The columns of rows that were JSON objects; None where columns are known by position alone. Over one
            reading later names only ever follow the earlier ones.
    """

    def __init__(self, file: str, frame: pl.DataFrame, names: tuple[str, ...] | None = None) -> None:
        self.file = file
        self.names = names
        self._frame: pl.DataFrame | None = frame
        self._regular: tuple[pl.DataFrame, Mapping[str, Columns]] | None = None

    @classmethod
    def regular(cls, file: str, records: pl.DataFrame, sides: Mapping[str, Columns]) -> CapturedRows:
        """One row a record, as many cells in each: they are there column by column, null where one is empty."""
        rows = cls(file, pl.DataFrame())
        rows._frame, rows._regular = None, (records, sides)
        return rows

    @property
    def frame(self) -> pl.DataFrame:
        """The rows.

        ``line``, ``row`` (position in the payload), ``id`` (inference id, else event id), ``time``, ``truth`` (of
        merged records); then, without names, the cells of ``output`` and ``input`` as lists of texts, with names their
        values as one list ``cells``.
        """
        if self._frame is None:
            self._frame = self._listed()
        return self._frame

    def cells(self, sides: tuple[str, ...]) -> pl.DataFrame:
        """``line`` and ``cells`` (the row's values over all ``sides``)."""
        if self.names is not None:
            return self.frame.select("line", "cells")
        return self.frame.select("line", cells=pl.concat_list([pl.col(side) for side in sides]))

    def columns(self, sides: tuple[str, ...]) -> pl.DataFrame | None:
        """``line`` and the row's values over all ``sides`` as columns ``0``, ``1``, …; None unless all are regular."""
        if self._regular is None:
            return None
        records, columns = self._regular
        values = [column for side in sides for column in columns[side]]
        return pl.DataFrame([records.get_column("line"), *(column.alias(str(i)) for i, column in enumerate(values))])

    def _listed(self) -> pl.DataFrame:
        records, sides = self._regular or (pl.DataFrame(), {})
        cells = [
            pl.concat_list([pl.lit(column.fill_null("")) for column in sides[side]]).alias(side)
            if side in sides
            else pl.lit(None, CELLS).alias(side)
            for side in ("output", "input")
        ]
        return records.select(
            pl.int_range(pl.len(), dtype=pl.Int64).alias("record"), pl.lit(0, pl.Int64).alias("row"), *cells, *_ABOUT
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """How captured records become rows.

    Attributes:
        windows: Only records inferred in one of these; all records when empty.
        sides: What a row is made of; a record without one of them is set aside.
        json_payloads: Where rows and columns stand in JSON.
        strict: Refuse what AWS's analyzer refuses: BASE64, and records whose sides are encoded differently.
    """

    windows: tuple[Window, ...] = ()
    sides: tuple[str, ...] = SIDES
    json_payloads: JsonPayloads = FLAT
    strict: bool = False


EVERYTHING = Reading()


def captured_rows(
    folder: Path, tally: Tally, reading: Reading = EVERYTHING, names: Collection[str] | None = None
) -> Iterator[CapturedRows]:
    """The captured rows below ``folder``, file by file in the order of their paths.

    Args:
        folder: Where captured JSON Lines lie, in any folders, as they are or compressed (``.gz``).
        tally: Counts every row that is read, except those handed on: the caller counts them when it takes them. A file
            that is not read counts as one row that is set aside.
        reading: How records become rows.
        names: Only these of the files, relative to ``folder``.

    Raises:
        CaptureError: The folder is not there, or a file cannot be read.
    """
    taken, others = _files(folder, names)
    for path in others:
        tally.set_aside("file", path.relative_to(folder).as_posix(), 1, UNREAD)
    keys = Keys()
    pieces = ((path, *piece) for path in taken for piece in records(path))
    # A part of the files is read by one process of several, whose threads would only wait for one another.
    for path, frame, malformed in ahead(pieces) if names is None else pieces:
        name = path.relative_to(folder).as_posix() if path != folder else path.name
        for fault in malformed:
            tally.set_aside("json", name, fault.line, fault.reason)
        if frame.height:
            yield from _rows(frame, name, tally, reading, keys)


def _files(folder: Path, names: Collection[str] | None) -> tuple[Sequence[Path], Sequence[Path]]:
    """The captured files, and those that are none."""
    if names is None:
        return files(folder, SUFFIXES), passed_over(folder, SUFFIXES)
    paths = [folder / name for name in names]
    taken = [path for path in paths if suffix(path) in SUFFIXES]
    return taken, [path for path in paths if path not in taken]


def _rows(frame: pl.DataFrame, file: str, tally: Tally, reading: Reading, keys: Keys) -> Iterator[CapturedRows]:
    frame = frame.hstack([inference_time(frame.get_column("inference_time")).alias("time")])
    if not frame.select(_plain(reading.sides, reading.windows)).item():
        frame = _sifted(frame, file, tally, reading)
    if frame.height and (sides := _regular(frame, reading.sides)) is not None:
        yield CapturedRows.regular(file, frame, sides)
        return
    frame = frame.with_columns(record=pl.int_range(pl.len(), dtype=pl.Int64))
    rows, unpaired, named = _formed(frame, reading)
    for fault in unpaired:
        tally.set_aside(fault.kind, file, frame.item(fault.record, "line"), fault.reason)
    about = frame.select("record", *_ABOUT)
    yield CapturedRows(file, rows.join(about, on="record", how="left", maintain_order="left"))
    known = []
    for row in named:
        if keys.take(row[2]):
            known.append(row)
        else:
            reason = f"more than {MAX_CELLS} different keys: yet another column"
            tally.set_aside("width", file, frame.item(row[0], "line"), reason)
    for part in named_frames(known, keys.names):
        yield CapturedRows(file, part.join(about, on="record", how="left", maintain_order="left"), keys.names)


def _sifted(frame: pl.DataFrame, file: str, tally: Tally, reading: Reading) -> pl.DataFrame:
    """The window's records that can be read; the others are counted."""
    if not reading.strict:
        frame = encodings.decoded(frame, reading.sides)
    seen, frame = _parted(frame, _SHADOW)
    tally.skipped += _count(seen, reading)
    if reading.windows:
        # A batch transform's records say no time: whoever chose its files chose the window.
        batch = pl.col("source").eq_missing(BATCH)
        timeless, frame = _parted(frame, pl.col("time").is_null() & ~batch)
        for line, text in timeless.select("line", "inference_time").iter_rows():
            tally.set_aside("time", file, line, f"eventMetadata.inferenceTime is {text!r}, not a time")
        outside, frame = _parted(frame, ~_inside(reading.windows) & ~batch)
        tally.outside_window += _count(outside, reading)
    odd, frame = _parted(frame, _doubtful(reading.sides, strict=reading.strict))
    if odd.height:
        sound = _set_aside(odd, file, tally, reading)
        frame = pl.concat([frame, sound]).sort("line")
    return frame


def _inside(windows: tuple[Window, ...]) -> pl.Expr:
    return pl.any_horizontal([(pl.col("time") >= window.start) & (pl.col("time") < window.end) for window in windows])


@cache
def _plain(sides: tuple[str, ...], windows: tuple[Window, ...]) -> pl.Expr:
    """Whether all records are CSV of the window, and :func:`_sifted` would find nothing: asked once, and mostly so."""
    plain = [~_SHADOW]
    for side in sides:
        # Texts that are missing, empty, or begin with a line end stand before the first character that can be seen.
        plain += [pl.col(f"{side}_encoding") == encodings.CSV, pl.col(f"{side}_data") >= "!"]
    return pl.all_horizontal([*plain, *([_inside(windows)] if windows else [])]).fill_null(value=False).all()


def _set_aside(frame: pl.DataFrame, file: str, tally: Tally, reading: Reading) -> pl.DataFrame:
    """The records that can be read; the others are set aside."""
    frame = frame.with_columns(reason=_reason(reading))
    reasons = frame.filter(pl.col("reason").is_not_null()).select("line", "reason").unnest("reason")
    for line, kind, text in reasons.iter_rows():
        tally.set_aside(kind, file, line, text)
    return frame.filter(pl.col("reason").is_null()).drop("reason")


def _parted(frame: pl.DataFrame, condition: pl.Expr) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows for which the condition holds, and the others."""
    chosen = frame.select(condition.fill_null(value=False)).to_series()
    # Mostly it holds for none or for all: then nothing is copied.
    if not chosen.any():
        return frame.clear(), frame
    return (frame, frame.clear()) if chosen.all() else (frame.filter(chosen), frame.filter(~chosen))


def _regular(frame: pl.DataFrame, sides: tuple[str, ...]) -> dict[str, Columns] | None:
    """The cells of each side column by column, where every payload is one line of CSV with as many cells."""
    if not all(frame.get_column(f"{side}_encoding").eq(encodings.CSV).all() for side in sides):
        return None
    found: dict[str, Columns] = {}
    for side in sides:
        columns = columns_of(frame.get_column(f"{side}_data"))
        if columns is None:
            return None
        found[side] = columns
    return found


def _formed(
    frame: pl.DataFrame, reading: Reading
) -> tuple[pl.DataFrame, list[Unpaired], list[tuple[int, int, dict[str, str | None]]]]:
    """Rows by position, records that are no rows, and rows by key; of records with ``record`` and readable sides."""
    other = pl.any_horizontal([pl.col(f"{side}_encoding") != encodings.CSV for side in reading.sides])
    special = frame.filter(other)
    if special.is_empty():
        rows, unpaired = rows_of(frame, reading.sides)
        return rows, unpaired, []
    rows, unpaired = rows_of(frame.filter(~other), reading.sides)
    paired: Paired = pair(special, reading.sides, reading.json_payloads)
    if paired.positions:
        more = pl.DataFrame(paired.positions, schema=_POSITIONS, orient="row")
        rows = pl.concat([rows, more]).sort("record", "row")
    return rows, sorted(unpaired + paired.unpaired, key=lambda fault: fault.record), paired.named


def inference_time(texts: pl.Series) -> pl.Series:
    """The times that ``eventMetadata.inferenceTime`` says, in UTC; null where it says none."""
    times = _times(texts, _TIME_FORMATS[0])
    for form in _TIME_FORMATS[1:]:
        if times.null_count():
            times = times.zip_with(times.is_not_null(), _times(texts, form))
    return times


def _times(texts: pl.Series, form: str) -> pl.Series:
    return texts.str.to_datetime(form, time_unit="us", time_zone="UTC", strict=False)


@cache
def _doubtful(sides: tuple[str, ...], *, strict: bool) -> pl.Expr:
    """Whether a closer look at a record is worth while: it holds for all records for which there is a reason."""
    doubts = []
    for side in sides:
        data, encoding = pl.col(f"{side}_data"), pl.col(f"{side}_encoding")
        doubts += [data.is_null(), encoding.is_null(), ~encoding.is_in(encodings.READ)]
        doubts += [data == "", data.str.starts_with("\n"), data.str.starts_with("\r")]
    if strict and len(sides) > 1:
        doubts.append(pl.col("output_encoding") != pl.col("input_encoding"))
    return pl.any_horizontal(doubts)


def _reason(reading: Reading) -> pl.Expr:
    """Why a record cannot be read: a struct of kind and text, null when it can."""
    reasons = [_fault(side) for side in reading.sides]
    if reading.strict and len(reading.sides) > 1:
        differ = pl.format(
            "endpointOutput is captured as {} and endpointInput as {}; Model Monitor refuses records whose encodings "
            "differ. Set `aws_compatible: Disabled` to read them",
            pl.col("output_encoding"),
            pl.col("input_encoding"),
        )
        mixed = pl.col("output_encoding") != pl.col("input_encoding")
        reasons.append(pl.when(mixed).then(_why("encoding", differ)))
    return pl.coalesce(reasons)


def _fault(side: str) -> pl.Expr:
    """Why a record's payload on ``side`` cannot be read: a struct of kind and text, null when it can."""
    name = "endpointInput" if side == "input" else "endpointOutput"
    data, encoding, kind = pl.col(f"{side}_data"), pl.col(f"{side}_encoding"), pl.col(f"{side}_type")
    content = pl.format(
        "{} is captured as {} (content type {}); only CSV and JSON payloads are read",
        pl.lit(name),
        encoding,
        kind.fill_null("unknown"),
    )
    return (
        pl.when(data.is_null())
        .then(_why("missing", pl.lit(f"captureData.{name}.data is missing")))
        .when(encoding.is_null())
        .then(_why("encoding", pl.lit(f"captureData.{name}.encoding is missing")))
        .when(~encoding.is_in(encodings.READ))
        .then(_why("encoding", content))
        .when(data.str.strip_chars("\r\n") == "")
        .then(_why("missing", pl.lit(f"captureData.{name}.data is empty")))
    )


def _why(kind: str, text: pl.Expr) -> pl.Expr:
    return pl.struct(pl.lit(kind).alias("kind"), text.alias("text"))


def _count(frame: pl.DataFrame, reading: Reading) -> int:
    """The rows in records that are not analysed: as many as the payload holds where it can be read, else one."""
    if frame.is_empty():
        return 0
    readable = frame.filter(_reason(reading).is_null()).with_columns(record=pl.int_range(pl.len(), dtype=pl.Int64))
    rows, unpaired, named = _formed(readable, reading)
    return frame.height - readable.height + rows.height + len(unpaired) + len(named)
