"""The files of the attribution monitor: Clarify's, and those that describe a baseline."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from endpointwatch.errors import BaselineError
from endpointwatch.metrics.attribution.drift import order, shares
from endpointwatch.metrics.attribution.explanation import Explanation
from endpointwatch.monitors.attribution import Attributions
from endpointwatch.reports import files

LOCAL = "explanations_shap/out.csv"
BASELINE_ROWS = "explanations_shap/baseline.csv"
PREDICTIONS = "explanations_shap/predictions.csv"
DATA = "attribution_data.csv"
METADATA = "model_metadata.json"


def write_local(folder: Path, explanation: Explanation, about: Attributions, sampled: pl.DataFrame) -> None:
    """``out.csv``: a column ``<feature>_<label>`` for each value; ``predictions.csv``: whose rows these are.

    Args:
        folder: The window's or the baseline's.
        explanation: Of the first of the sampled rows.
        about: Names of features and labels.
        sampled: ``id`` and ``row`` of the sampled rows.
    """
    write_values(folder, explanation, about)
    explained = sampled.select(inference_id="id", row="row").head(len(explanation.values))
    answers = [
        pl.Series(f"{kind}_{label}", column)
        for i, label in enumerate(about.labels)
        for kind, column in (
            ("expected", np.full(len(explanation.outputs), explanation.expected[i])),
            ("output", explanation.outputs[:, i]),
        )
    ]
    files.write_text(folder / PREDICTIONS, explained.with_columns(answers).write_csv())


def write_values(folder: Path, explanation: Explanation, about: Attributions) -> None:
    """``out.csv`` alone."""
    files.write_text(folder / LOCAL, _values(explanation, about).write_csv())


def write_baseline_rows(folder: Path, features: Sequence[str], rows: NDArray[Any]) -> None:
    """``baseline.csv``: what rows are held against, a header and a line a row."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(features)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    files.write_text(folder / BASELINE_ROWS, out.getvalue())


def read_baseline_rows(folder: Path) -> tuple[tuple[str, ...], NDArray[Any]]:
    """Features and rows of a ``baseline.csv``; None where there is no value.

    Raises:
        BaselineError: It is not there, or has no rows of the header's width.
    """
    path = folder / BASELINE_ROWS
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *lines = csv.reader(file)
        rows = np.array([[cell or None for cell in line] for line in lines], object)
    except (OSError, ValueError, csv.Error) as error:
        raise BaselineError(f"{path} cannot be read: {error}. Baseline again.") from error
    if rows.shape != (len(lines), len(header)) or not lines:
        raise BaselineError(f"{path} has no rows as wide as its header. Baseline again.")
    return tuple(header), rows


def write_data(folder: Path, explanation: Explanation, about: Attributions, texts: NDArray[Any]) -> None:
    """``attribution_data.csv``: every explained row with its inputs, outputs and local values."""
    inputs = pl.DataFrame(
        {
            name: pl.Series(list(texts[: len(explanation.values), i]), dtype=pl.String)
            for i, name in enumerate(about.features)
        }
    )
    answers = pl.DataFrame({f"output_{label}": explanation.outputs[:, i] for i, label in enumerate(about.labels)})
    table = pl.concat([inputs, answers, _values(explanation, about)], how="horizontal")
    files.write_text(folder / DATA, table.write_csv())


def statistics(explanation: Explanation, about: Attributions) -> dict[str, Any]:
    """``statistics.json`` of a baseline: each feature's local values in a few numbers, its share and its rank."""
    told = {}
    for i, label in enumerate(about.labels):
        local, sizes = explanation.values[:, :, i], shares(about.values[:, i])
        ranks = {int(place): rank for rank, place in enumerate(order(about.values[:, i]), start=1)}
        features = [
            {
                "name": name,
                "global_shap_value": float(about.values[j, i]),
                "share": float(sizes[j]),
                "rank": ranks[j],
                "mean_abs": float(np.abs(local[:, j]).mean()),
                "median": float(np.median(local[:, j])),
                "mean_sq": float(np.square(local[:, j]).mean()),
                "mean": float(local[:, j].mean()),
                "std_dev": float(local[:, j].std()),
                "min": float(local[:, j].min()),
                "max": float(local[:, j].max()),
            }
            for j, name in enumerate(about.features)
        ]
        told[label] = {"expected_value": float(about.expected[i]), "features": features}
    return {"version": "1.0", "dataset": {"item_count": len(explanation.values)}, "labels": told}


def constraints(about: Attributions, threshold: float) -> dict[str, Any]:
    """``constraints.json`` of a baseline: the order of the features, and how well a window must keep it."""
    told = {
        label: {
            "metric": "ndcg",
            "comparison_operator": "LessThanThreshold",
            "threshold": threshold,
            "ranking": [about.features[place] for place in order(about.values[:, i])],
        }
        for i, label in enumerate(about.labels)
    }
    return {"version": "1.0", "labels": told}


def metrics(
    about: Attributions, scores: Mapping[str, float | None], *, at: datetime, dimensions: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """CloudWatch metrics by Clarify's names and dimensions, and the NDCG of each output.

    Args:
        about: Of the window.
        scores: NDCG by label.
        at: The metrics' time.
        dimensions: Name to value, as ``Endpoint`` and ``MonitoringSchedule``.
    """

    def line(name: str, value: float, **more: str) -> dict[str, Any]:
        told = {**dimensions, "ExplainabilityMethod": "KernelShap", **more}
        return {
            "MetricName": name,
            "Timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
            "Dimensions": [{"Name": key, "Value": text} for key, text in told.items()],
            "Value": value,
        }

    for i, label in enumerate(about.labels):
        for name, value in zip(about.features, about.values[:, i], strict=True):
            yield line(f"feature_{name}", float(value), Label=label, ValueType="GlobalShapValues")
        yield line("ExpectedValue", float(about.expected[i]), Label=label, ValueType="ExpectedValue")
        score = scores.get(label)
        if score is not None:
            yield line("ndcg", score, Label=label, ValueType="FeatureAttributionDrift")


def _values(explanation: Explanation, about: Attributions) -> pl.DataFrame:
    return pl.DataFrame(
        {
            f"{name}_{label}": explanation.values[:, j, i]
            for i, label in enumerate(about.labels)
            for j, name in enumerate(about.features)
        }
    )
