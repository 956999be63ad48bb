"""Captured records as SageMaker leaves them in S3: JSON Lines in files of some megabytes below a folder an hour.

Each record is one request of 24 features (20 numbers, 4 categories) as CSV and the answer, one probability. The numbers
look as those of applications do: amounts with cents, counts, rates, measurements with all their digits; some are blank.
The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import uuid
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

NUMBERS, CATEGORIES = 20, 4
FIRST = datetime(2026, 11, 1, tzinfo=UTC)
SPAN = timedelta(days=1)
OUTPUT = "prediction"
FEATURES = (
    *(f"number_{place:02d}" for place in range(NUMBERS)),
    *(f"category_{place}" for place in range(CATEGORIES)),
)
_WORDS = (
    ("home", "car", "education", "medical", "holiday", "business", "other"),
    tuple(f"region {number:02d}" for number in range(40)),
    ("yes", "no"),
    tuple(f"branch-{number:04d}" for number in range(900)),
)
_RECORD = (
    '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"%s","encoding":"CSV"},'
    '"endpointOutput":{"observedContentType":"text/csv; charset=utf-8","mode":"OUTPUT","data":"%s","encoding":"CSV"}},'
    '"eventMetadata":{"eventId":"%s","inferenceTime":"%s"},"eventVersion":"0"}\n'
)


@dataclass(frozen=True, slots=True)
class Traffic:
    """What is captured.

    Attributes:
        records: How many, spread evenly over one day.
        per_file: Most records of one file.
        seed: Of the values.
        shift: By how many standard deviations the first five numbers lie away from the usual.
    """

    records: int
    per_file: int = 5000
    seed: int = 1
    shift: float = 0.0

    def file_seed(self, number: int) -> int:
        """What the values of the file with that number are drawn with."""
        return self.seed * 1_000_003 + number


def table(rows: int, *, seed: int, shift: float = 0.0) -> pl.DataFrame:
    """The model's answer and the features of ``rows`` requests."""
    rng = np.random.default_rng(seed)
    columns = {OUTPUT: rng.beta(2, 5, rows).round(6)}
    for place, name in enumerate(FEATURES[:NUMBERS]):
        columns[name] = numbers(place, rows, shift if place < 5 else 0.0, rng)  # noqa: PLR2004
    frame = pl.DataFrame(columns).with_columns(
        [pl.col(name).cast(pl.Int64) for place, name in enumerate(FEATURES[:NUMBERS]) if place % 4 == 1]
    )
    words = [
        pl.Series(name, rng.choice(words, rows, p=_shares(len(words))))
        for name, words in zip(FEATURES[NUMBERS:], _WORDS, strict=True)
    ]
    blank = [
        pl.when(pl.Series(rng.random(rows) >= 0.02)).then(pl.col(name)).alias(name)  # noqa: PLR2004
        for name in (FEATURES[7], FEATURES[NUMBERS])
    ]
    return frame.with_columns(words).with_columns(blank)


def numbers(place: int, rows: int, shift: float, rng: np.random.Generator) -> np.ndarray[tuple[int], np.dtype]:
    """The values of the number at that place among the features."""
    spread = rng.normal(shift, 1.0, rows)
    match place % 4:
        case 0:  # an amount of money
            return np.exp(7 + spread / 2).round(2)
        case 1:  # a count
            return np.floor(np.abs(spread) * 10 ** (place // 4 + 1))
        case 2:  # a rate
            return (1 / (1 + np.exp(-spread))).round(4)
        case _:  # a measurement
            return spread * 3.7


def _shares(count: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    weights = 1 / np.arange(1, count + 1)
    return weights / weights.sum()


def write(folder: Path, traffic: Traffic, *, workers: int = 2) -> None:
    """Write the captures below ``folder/captures``."""
    files = range(-(-traffic.records // traffic.per_file))
    (folder / "captures").mkdir(parents=True, exist_ok=True)
    # Spawned, not forked: Polars holds threads, and their locks would be copied in whatever state they are.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(partial(write_file, folder / "captures", traffic), files, chunksize=8))


def write_file(folder: Path, traffic: Traffic, number: int) -> Path:
    """Write the captures' file with that number."""
    first = number * traffic.per_file
    rows = min(traffic.per_file, traffic.records - first)
    frame = table(rows, seed=traffic.file_seed(number), shift=traffic.shift)
    times = [FIRST + SPAN * ((first + row) / traffic.records) for row in range(rows)]
    start = times[0]
    name = f"{start:%Y/%m/%d/%H/%M-%S}-{start.microsecond // 1000:03d}-{_identity(traffic.seed, first)}.jsonl"
    path = folder / "loans" / "AllTraffic" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    inputs = frame.drop(OUTPUT).write_csv(include_header=False).splitlines()
    outputs = frame.select(OUTPUT).write_csv(include_header=False).splitlines()
    with path.open("w", encoding="utf-8") as file:
        file.writelines(_lines(inputs, outputs, traffic.seed, first, times))
    return path


def _lines(inputs: list[str], outputs: list[str], seed: int, first: int, times: list[datetime]) -> Iterator[str]:
    for row, (asked, answered, time) in enumerate(zip(inputs, outputs, times, strict=True)):
        yield _RECORD % (asked, answered, _identity(seed, first + row), f"{time:%Y-%m-%dT%H:%M:%SZ}")


def _identity(seed: int, record: int) -> uuid.UUID:
    return uuid.UUID(int=(seed << 64 | record) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--records", type=int, default=1_000_000, help="how many (default: %(default)s)")
    parser.add_argument("--per-file", type=int, default=5000, help="most records of one file (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the values (default: %(default)s)")
    parser.add_argument("--shift", type=float, default=0.0, help="of five numbers, in standard deviations")
    options = parser.parse_args()
    write(options.folder, Traffic(options.records, options.per_file, options.seed, options.shift))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
