"""The merge on Spark is the merge on one machine, to the byte."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from endpointwatch.config.window import Window
from endpointwatch.merge.merge import merge
from endpointwatch.merge.sources import Sources
from endpointwatch.merge.spark import merge_on_spark

pytestmark = pytest.mark.spark
WINDOW = Window(start=datetime(2026, 11, 1, 14, tzinfo=UTC), end=datetime(2026, 11, 1, 15, tzinfo=UTC))


@pytest.fixture
def folders(tmp_path: Path, capture, label) -> Path:
    for hour in range(3):
        captures = tmp_path / f"captures/loans/AllTraffic/2026/11/01/{hour + 13}"
        captures.mkdir(parents=True)
        lines = [capture(f"id-{n}", score=hour, time=f"2026-11-01T{hour + 13}:00:00Z") for n in range(40)]
        (captures / "a.jsonl").write_text("\n".join([*lines, "{broken"]))
        labels = tmp_path / f"labels/2026/11/01/{hour + 15}"
        labels.mkdir(parents=True)
        told = [label(f"id-{n}", str((n * hour) % 2)) for n in range(hour, 60, hour + 1)]
        (labels / "l.jsonl").write_text("\n".join([*told, "[]"]))
    (tmp_path / "labels/labels.csv").write_text("a,1")
    return tmp_path


def found(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("window", "keep_folders"), [(None, True), (WINDOW, False)])
def test_spark_leaves_the_same_files_and_counts_as_one_machine(spark, folders, window, keep_folders):
    sources = Sources(folders / "captures", folders / "labels", window=window)
    here = merge(sources, folders / "here", keep_folders=keep_folders)
    there = merge_on_spark(spark, sources, folders / "there", keep_folders=keep_folders, part_bytes=4096)
    assert found(folders / "there") == found(folders / "here") != {}
    assert there == here
    assert here.labels.conflicting
    assert here.labels.set_aside == 4
