"""Evidently's drift preset, on tables that are flat and in memory before the clock starts."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset

from harness.inside import Work, tell


def main() -> None:
    current, reference = pd.read_parquet(sys.argv[1]), pd.read_parquet(sys.argv[2])
    with Work() as work:
        told = Report([DataDriftPreset()]).run(current, reference).dict()
    tell(work, rows=len(current), metrics=len(told["metrics"]))


if __name__ == "__main__":
    main()
