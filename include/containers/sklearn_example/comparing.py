"""What a comparison of models needs beside their metrics: every row's scores, and how long a row takes."""

from __future__ import annotations

import csv
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from containers.sklearn_example import metrics
from containers.sklearn_example.contract import InputError
from containers.sklearn_example.model import SCORE_DECIMALS, Model
from containers.sklearn_example.table import read

FACET = "facet:"
TIMED_ROWS = 200


def write_scores(
    models: Mapping[str, Model], sets: Mapping[str, Path], label: str, facets: Sequence[str], target: Path
) -> None:
    """One line a row: ``set``, ``label`` (0 or 1), a column of scores a model, and ``facet:<column>`` of each facet.

    Args:
        models: By name, which is the name of its column.
        sets: Folders of labelled CSV files by name.
        label: The label's column.
        facets: Columns to hand on as they are; one that a file lacks is left empty.
        target: The file to write.

    Raises:
        InputError: A feature or the label is missing.
    """
    names = sorted(models)
    with target.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("set", "label", *names, *(f"{FACET}{facet}" for facet in facets)))
        for name, folder in sets.items():
            for source in sorted(folder.rglob("*.csv")):
                table = read(source)
                truth = metrics.labels(table.column(label), label)
                scores = [models[model].scores_of(table) for model in names]
                with source.open(newline="", encoding="utf-8") as file:
                    file.readline()
                    cells = [dict(zip(table.columns, row, strict=True)) for row in csv.reader(file) if row]
                for at, row in enumerate(cells):
                    told = (f"{column[at]:.{SCORE_DECIMALS}f}" for column in scores)
                    writer.writerow((name, f"{truth[at]:g}", *told, *(row.get(facet, "") for facet in facets)))


def latencies(models: Mapping[str, Model], data: Path) -> dict[str, dict[str, float]]:
    """How long the models take to score one row, in ms: ``p50`` and ``p95`` of the first rows, each scored alone.

    The models take turns, so that another load of the machine meets all of them.

    Raises:
        InputError: There are no rows.
    """
    rows = []
    for source in sorted(data.rglob("*.csv")):
        table = read(source)
        rows += [(table, at) for at in range(len(table.values))]
        if len(rows) >= TIMED_ROWS:
            break
    if not rows:
        raise InputError(f"{data} holds no rows to measure latency on")
    inputs = {
        name: [table.select(model.metadata.features)[at : at + 1] for table, at in rows[:TIMED_ROWS]]
        for name, model in models.items()
    }
    spent: dict[str, list[float]] = {name: [] for name in models}
    for at in range(len(rows[:TIMED_ROWS])):
        for name, model in models.items():
            start = time.perf_counter()
            model.scores(inputs[name][at])
            spent[name].append((time.perf_counter() - start) * 1000)
    return {
        name: {"p50": statistics.median(times), "p95": sorted(times)[int(0.95 * (len(times) - 1))]}
        for name, times in spent.items()
    }
