"""``scores.csv`` and ``latency.json``: what the evaluating job writes of every row, and of every model's speed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from endpointwatch.errors import DatasetError

Numbers = NDArray[np.float64]
SetName = Literal["data", "initial"]
FACET = "facet:"


@dataclass(frozen=True, slots=True)
class Scores:
    """Labels and scores of the rows that models were judged on.

    Attributes:
        frame: ``set``, ``label`` (0 or 1), a column of scores a model, and ``facet:<column>`` as texts.
    """

    frame: pl.DataFrame

    @classmethod
    def parse(cls, text: str | bytes, *, source: str) -> Scores:
        """Raises:
        DatasetError: The text is no such table, or a label or score is no number.
        """
        content = text.encode() if isinstance(text, str) else text
        try:
            frame = pl.read_csv(content, infer_schema=False)
            numbers = [name for name in frame.columns if name != "set" and not name.startswith(FACET)]
            frame = frame.with_columns(pl.col(numbers).cast(pl.Float64))
        except pl.exceptions.PolarsError as error:
            raise DatasetError(f"{source} is no table of scores: {error}") from error
        if gone := {"set", "label"} - set(frame.columns):
            raise DatasetError(f"{source} has no column {sorted(gone)}; the image's `evaluate` must write them.")
        if not frame.get_column("label").is_in([0.0, 1.0]).all() or frame.select(pl.col(numbers).null_count() > 0).row(
            0
        ).count(True):
            raise DatasetError(f"{source} has rows without a score, or whose label is not 0 or 1.")
        return cls(frame)

    def of(self, rows: SetName) -> Scores:
        """The rows of one set."""
        return Scores(self.frame.filter(pl.col("set") == rows))

    def has(self, *models: str) -> bool:
        return set(models) <= set(self.frame.columns)

    @property
    def rows(self) -> int:
        return self.frame.height

    @property
    def truth(self) -> Numbers:
        """0 or 1, shape ``(rows,)``."""
        return self.frame.get_column("label").to_numpy()

    def score(self, model: str) -> Numbers:
        """The model's probabilities of 1, shape ``(rows,)``."""
        return self.frame.get_column(model).to_numpy()


def latency_ms(text: str | bytes, *, source: str) -> Mapping[str, float]:
    """Every model's median time to score one row, in ms, from ``latency.json``.

    Raises:
        DatasetError: The text is no such document.
    """
    try:
        return {str(model): float(times["p50"]) for model, times in json.loads(text).items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(
            f'{source} says no latencies: {error!r}. It must be as {{"challenger": {{"p50": 0.3}}}}.'
        ) from error
