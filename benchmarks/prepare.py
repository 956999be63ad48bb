"""The inputs of ``data_quality.py``: captures, the same rows as a flat table, and a baseline learnt from other rows."""

from __future__ import annotations

import argparse
from pathlib import Path

import polars as pl

from captures import Traffic, table, write
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.jobs.tables import write_report
from endpointwatch.states import Table

BASELINE_ROWS = 50_000
SHIFT = 0.3  # of the first five numbers' standard deviation: something for a drift check to find


def baseline(folder: Path) -> None:
    """Write ``reference.parquet`` and what is learnt of it, ``baseline/``."""
    rows = table(BASELINE_ROWS, seed=7)
    rows.write_parquet(folder / "reference.parquet")
    state = Table().extend(_texts(rows).to_arrow().combine_chunks().to_batches()[0])
    write_report(folder / "baseline", state, DataQuality())


def _texts(rows: pl.DataFrame) -> pl.DataFrame:
    """The cells as they stand in a payload."""
    return pl.read_csv(rows.write_csv().encode(), infer_schema=False)


def flat(folder: Path, traffic: Traffic) -> None:
    """Write the captures' rows as ``table.parquet``."""
    parts = [
        table(min(traffic.per_file, traffic.records - first), seed=traffic.file_seed(number), shift=traffic.shift)
        for number, first in enumerate(range(0, traffic.records, traffic.per_file))
    ]
    pl.concat(parts).write_parquet(folder / "table.parquet")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--flat", action="store_true", help="write the flat table and the baseline too")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    traffic = Traffic(options.records, shift=SHIFT)
    write(options.folder, traffic)
    if options.flat:
        flat(options.folder, traffic)
        baseline(options.folder)
    (options.folder / "done").touch()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
