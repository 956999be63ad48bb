"""Estimators whose preparation works column by column: then a feature stays one feature all the way to the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
#: scikit-learn's transformers that make one column of each column, from that column alone.
_BY_COLUMN = frozenset(
    {"SimpleImputer", "StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "QuantileTransformer"}
    | {"PowerTransformer"}
)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A fitted estimator behind the steps that prepare its columns.

    Attributes:
        steps: The steps, in order.
        final: What predicts.
    """

    steps: tuple[Any, ...]
    final: Any

    @classmethod
    def of(cls, estimator: Any) -> Prepared | None:
        """The parts of ``estimator``; None when a step mixes columns, or is not known not to."""
        from sklearn.pipeline import Pipeline  # noqa: PLC0415 - takes a second; many jobs never explain a model

        if not isinstance(estimator, Pipeline):
            return cls((), estimator)
        *steps, final = [step for _, step in estimator.steps if step not in (None, "passthrough")] or [None]
        known = all(type(s).__name__ in _BY_COLUMN and not getattr(s, "add_indicator", False) for s in steps)
        return cls(tuple(steps), final) if known and final is not None else None

    def columns(self, rows: Matrix) -> Matrix | None:
        """What the final step gets; None where a step drops a column, so that places shift."""
        prepared: Any = rows
        for step in self.steps:
            prepared = step.transform(prepared)
        prepared = np.asarray(prepared, np.float64)
        return prepared if prepared.shape == rows.shape else None
