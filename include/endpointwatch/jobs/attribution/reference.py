"""The row that rows are explained against: a data set's usual values, or rows that were given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from endpointwatch.config.attribution import Attribution
from endpointwatch.errors import PlanError


def baseline_rows(rows: pl.DataFrame, features: Sequence[str], settings: Attribution) -> NDArray[Any]:
    """The baseline as texts, shape ``(baseline rows, features)``; None where the data set has no value at all.

    Args:
        rows: The whole data set: ``cells`` in the features' order.
        features: Their names.
        settings: Say how the baseline is found.

    Raises:
        PlanError: The settings give rows of another width.
    """
    if isinstance(settings.baseline, str):
        cells = rows.get_column("cells")
        told = [_usual(cells.list.get(place), settings.baseline) for place in range(len(features))]
        return np.array([told], object)
    if any(len(row) != len(features) for row in settings.baseline):
        raise PlanError(
            f"The attribution monitor's `baseline` has rows of {sorted({len(row) for row in settings.baseline})} "
            f"values, but the model has {len(features)} features: {', '.join(features[:5])}, …."
        )
    return np.array([[None if cell is None else str(cell) for cell in row] for row in settings.baseline], object)


def _usual(texts: pl.Series, kind: str) -> str | None:
    present = texts.drop_nulls().filter(texts.drop_nulls().str.strip_chars() != "")
    if present.is_empty():
        return None
    values = present.cast(pl.Float64, strict=False)
    if values.null_count():
        # A column with words: the most frequent one; of equally frequent ones the first by text.
        counts = present.value_counts(sort=False).sort(["count", present.name], descending=[True, False])
        return str(counts.item(0, present.name))
    known = values.drop_nans()
    if known.is_empty():
        return None
    return repr(float(np.mean(known.to_numpy()) if kind == "mean" else np.median(known.to_numpy())))
