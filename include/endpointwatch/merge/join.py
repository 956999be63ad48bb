"""The join itself, of one partition: a pure function of captures and labels, the same on one machine and on Spark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from endpointwatch.merge.counts import Conflict
from endpointwatch.states.xxhash64 import hashes

LISTED = 100


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of one partition.

    Attributes:
        matched: Captures with a label.
        unmatched: Captures without.
        used: Ids with captures and a label.
        duplicate: Label records that say what a later one of their id says.
        unknown: Ids that are labelled, but were not captured.
        conflicting: Label records that say something else than the last one of their id.
        conflicts: The first of them by the hash of their id.
    """

    matched: int
    unmatched: int
    used: int
    duplicate: int
    unknown: int
    conflicting: int
    conflicts: tuple[Conflict, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """One partition, merged.

    Attributes:
        records: ``folder``, ``truth`` and ``line``, whose texts one after the other are a merged record in Model
            Monitor's schema; ordered by the hash of their id, then by time, then by text. Nothing else decides their
            order.
        counted: What became of the partition.
        answers: ``id``, ``answer`` (as the captures have it), ``data`` and ``encoding`` (the label's) of the merged
            records, in no order.
    """

    records: pl.DataFrame
    counted: Counted
    answers: pl.DataFrame


def place(ids: pl.Series) -> pl.Series:
    """The hash of each id that partitions and orders it: xxHash64 with the seed 42, which is Spark's ``xxhash64``."""
    return pl.Series("hash", hashes(ids.to_arrow()), pl.UInt64)


def merge_partition(captures: pl.DataFrame, labels: pl.DataFrame) -> Joined:
    """Captures with the label of their id, the last one delivered.

    Every capture of an id takes its label; several labels of an id never multiply its captures.

    Args:
        captures: ``id``, ``time``, ``folder``, ``answer`` and ``line``; all of the partition's.
        labels: ``id``, ``data``, ``encoding`` and ``at``; all of the partition's, in any order.
    """
    last = last_delivered(labels)
    duplicate, conflicting, conflicts = repeated(labels, last)
    matched = captures.join(last.select("id", "data", "encoding", _truth(last)), on="id", how="inner")
    used = matched["id"].n_unique()
    counted = Counted(
        matched=matched.height,
        unmatched=captures.height - matched.height,
        used=used,
        duplicate=duplicate,
        unknown=last.height - used,
        conflicting=conflicting,
        conflicts=conflicts,
    )
    answers = matched.select("id", "answer", "data", "encoding")
    return Joined(_records(matched.drop("answer", "data", "encoding")), counted, answers)


def last_delivered(labels: pl.DataFrame) -> pl.DataFrame:
    """Of each id's label records the one that counts."""
    return labels.sort("at").unique("id", keep="last", maintain_order=True)


def repeated(labels: pl.DataFrame, last: pl.DataFrame) -> tuple[int, int, tuple[Conflict, ...]]:
    """How many label records repeat the last one of their id, how many contradict it, and the first of those."""
    if labels.height == last.height:
        return 0, 0, ()
    others = labels.join(last.select("id", "at"), on=["id", "at"], how="anti")
    told = others.join(last.select("id", used="data", as_="encoding"), on="id", how="left")
    other = (pl.col("data") != pl.col("used")) | (pl.col("encoding") != pl.col("as_"))
    against = told.filter(other)
    return told.height - against.height, against.height, _conflicts(against)


def _conflicts(against: pl.DataFrame) -> tuple[Conflict, ...]:
    by_id = against.group_by("id", "used").agg(pl.col("data").unique().sort())
    first = by_id.with_columns(place(by_id["id"])).sort("hash", "id").head(LISTED)
    return tuple(
        Conflict(id=name, used=used, others=tuple(others))
        for name, used, others in first.select("id", "used", "data").iter_rows()
    )


def _truth(last: pl.DataFrame) -> pl.Series:
    """``{"groundTruthData":{…},``: what a merged record begins with. Each different label is written once."""
    pairs = last.select("data", "encoding").unique()
    text = pl.concat_str(pl.lit('{"groundTruthData":'), pl.struct("data", "encoding").struct.json_encode(), pl.lit(","))
    return last.join(pairs.with_columns(truth=text), on=["data", "encoding"], how="left", maintain_order="left")[
        "truth"
    ]


def _records(matched: pl.DataFrame) -> pl.DataFrame:
    ordered = _ordered(matched.with_columns(place(matched["id"])))
    # Every line begins with a brace.
    return ordered.select("folder", "truth", pl.col("line").str.slice(1))


def _ordered(matched: pl.DataFrame) -> pl.DataFrame:
    tied = matched["hash"].is_duplicated()
    if tied.any():
        # Only captures of one id are told apart by their texts, which are long.
        ties = matched.filter(tied).sort("hash", "id", "time", "line", nulls_last=True)
        matched = pl.concat([matched.filter(~tied), ties])
    return matched.sort("hash", maintain_order=True)


def partition_of(ids: pl.Series, count: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The partition of each id, ``0 … count - 1``: ranges of the hash, so that partitions in turn are in its order."""
    # The upper half of the hash times the count, of which the upper half again is the partition: no overflow.
    upper = place(ids).to_numpy() >> np.uint64(32)
    return ((upper * np.uint64(count)) >> np.uint64(32)).astype(np.intp)
