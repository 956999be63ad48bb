from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from endpointwatch.capture.tally import Tally
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.config.window import HOUR, Window
from endpointwatch.jobs.tables import write_report
from endpointwatch.monitors import data_quality
from endpointwatch.monitors.data_quality import Baseline
from endpointwatch.monitors.statistics import statistics
from endpointwatch.reports.files import VERDICT, write_text
from endpointwatch.reports.judgement import Subject, judge
from endpointwatch.states import Table

START = datetime(2026, 3, 1, tzinfo=UTC)


def rows(first: int, count: int, shift: float = 0.0) -> pl.DataFrame:
    numbers = [(first + place) * 37 % 997 for place in range(count)]
    return pl.DataFrame(
        {
            "amount": [f"{number + shift * 997:.3f}" for number in numbers],
            "ratio": [f"{number * 13 % 101 / 7:.4f}" for number in numbers],
            "colour": [("red", "blue")[number % 2] for number in numbers],
        }
    )


def state(frame: pl.DataFrame) -> Table:
    (batch,) = frame.to_arrow().combine_chunks().to_batches()
    return data_quality.compute(batch)


@dataclass
class History:
    """Results as a year of jobs leaves them: baselines by model version, a folder a window."""

    root: Path
    rows = staticmethod(rows)
    state = staticmethod(state)

    @property
    def states(self) -> Path:
        return self.root / "data_quality"

    @property
    def baselines(self) -> Path:
        return self.root / "baselines"

    def baseline(self, version: str) -> Path:
        return self.baselines / version / "data_quality"

    def learn(self, version: str, frame: pl.DataFrame) -> Baseline:
        learnt = state(frame)
        asked = data_quality.suggest(learnt, DataQuality())
        write_report(self.baseline(version), learnt, DataQuality())
        return Baseline(asked, statistics(learnt))

    def judge(self, hour: int, frame: pl.DataFrame, version: str, baseline: Baseline) -> Window:
        window = Window.of(START + hour * HOUR, START + (hour + 1) * HOUR)
        seen = state(frame)
        findings = data_quality.check(seen, baseline, DataQuality())
        subject = Subject("loans", "data_quality", window, version)
        verdict = judge(subject, Tally(analysed=seen.rows), findings, minimum_rows=1)
        folder = self.states / window.path
        write_report(folder, seen, DataQuality(), verdict.violations)
        write_text(folder / VERDICT, verdict.to_json())
        return window


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """48 hours of 200 rows; from the 31st on the amounts have moved, from the 41st on a version knows it."""
    past = History(tmp_path_factory.mktemp("history") / "results")
    one = past.learn("v1", rows(0, 2000))
    two = past.learn("v2", rows(0, 2000, shift=0.3))
    for hour in range(48):
        shift = 0.3 if hour >= 30 else 0.0
        version, baseline = ("v2", two) if hour >= 40 else ("v1", one)
        past.judge(hour, rows(hour * 200, 200, shift), version, baseline)
    return past


@pytest.fixture
def history(written, tmp_path):
    """A copy of what was written, for the test to do with as it likes."""
    shutil.copytree(written.root, tmp_path / "results")
    return History(tmp_path / "results")
