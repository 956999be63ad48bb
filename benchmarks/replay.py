"""A year of hourly states replayed under other thresholds: ``python benchmarks/replay.py``.

Writes synthetic states (no traffic is read: replaying needs none) and measures the command as a person starts it, its
start and the printing of its table included. The figures are in ``benchmarks/RESULTS.md``.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from captures import CATEGORIES, NUMBERS, numbers
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import HOUR, Window
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.statistics import statistics
from endpointwatch.reports.files import CONSTRAINTS, STATISTICS, json_text, write_text
from endpointwatch.states import Column, Distinct, Histogram, Kll, Moments, Table, TypeCounts
from endpointwatch.states.file import STATE_FILE, write

WORDS = tuple(f"word {number}" for number in range(12))
FIRST = datetime(2025, 1, 1, tzinfo=UTC)


def state(rows: int, seed: int, shift: float = 0.0) -> Table:
    """The state of ``rows`` rows of 20 numbers, of which the first five move by ``shift``, and 4 categories."""
    rng = np.random.default_rng(seed)
    columns = [_number(numbers(place, rows, shift if place < 5 else 0.0, rng), rng) for place in range(NUMBERS)]  # noqa: PLR2004
    columns += [_category(rng.multinomial(rows, [1 / len(WORDS)] * len(WORDS))) for _ in range(CATEGORIES)]
    names = tuple(f"feature_{place:02d}" for place in range(NUMBERS + CATEGORIES))
    return Table(names, tuple(columns), rows)


def _number(values: np.ndarray[tuple[int], np.dtype[np.float64]], rng: np.random.Generator) -> Column:
    registers = rng.geometric(0.5, 512).astype(np.uint8)
    types = TypeCounts(fractional=values.size)
    return Column(values.size, types, Moments.of(values), Kll().extend(values), Distinct(registers), Histogram(None))


def _category(counts: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Column:
    kept = Histogram.of(WORDS, counts.tolist())
    return Column(int(counts.sum()), TypeCounts(text=int(counts.sum())), distinct=Distinct.of(WORDS), histogram=kept)


def write_hour(folder: Path, rows: int, hour: int) -> None:
    start = FIRST + hour * HOUR
    place = folder / Layout.window_folder(data_quality.NAME, Window.of(start, start + timedelta(hours=1)))
    place.mkdir(parents=True)
    # Traffic drifts away over the year, a quarter of a standard deviation in all.
    write(state(rows, seed=hour + 1, shift=hour / 8760 / 4), place / STATE_FILE)


def write_year(folder: Path, hours: int, rows: int) -> None:
    learnt = state(50_000, seed=0)
    write_text(folder / "baseline" / STATISTICS, json_text(statistics(learnt)))
    constraints = data_quality.suggest(learnt, DataQuality())
    write_text(folder / "baseline" / CONSTRAINTS, json_text(constraints.document()))
    with ProcessPoolExecutor() as pool:
        list(pool.map(partial(write_hour, folder, rows), range(hours), chunksize=64))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=int, default=8760, help="hourly states (default: a year)")
    parser.add_argument("--rows", type=int, default=2000, help="rows an hour (default: %(default)s)")
    parser.add_argument("--keep", type=Path, help="write the states here and keep them; used again when they are there")
    options = parser.parse_args()
    folder = options.keep or Path(tempfile.mkdtemp(prefix="replay-"))
    try:
        if not (folder / "baseline").is_dir():
            begun = time.perf_counter()
            write_year(folder, options.hours, options.rows)
            print(f"{options.hours} states of {options.rows} rows written in {time.perf_counter() - begun:.1f} s")
        baseline = folder / "baseline"
        command = [
            *(sys.executable, "-m", "endpointwatch", "replay", "--states", str(folder / data_quality.NAME)),
            *("--constraints", str(baseline / CONSTRAINTS), "--statistics", str(baseline / STATISTICS)),
            *("--threshold", "0.05"),
        ]
        begun = time.perf_counter()
        table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds = time.perf_counter() - begun
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(table.strip().splitlines()[-1])
    print(f"replayed in {seconds:.1f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
