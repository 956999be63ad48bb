"""How far a column of a window lies from the same column of the baseline."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from endpointwatch.metrics import distances, significance
from endpointwatch.metrics.samples import Values, Weighted, Weights
from endpointwatch.monitors.constraints import DistributionComparison
from endpointwatch.monitors.findings import Distance
from endpointwatch.monitors.statistics import NULL_VALUE, Known, categories
from endpointwatch.states import Column

_NUMBERS = ("Integral", "Fractional")
_P_VALUE = "chi_squared_p_value"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Gap:
    """The distance of two samples before and after what chance alone would give is taken off."""

    simple: float
    robust: float

    @classmethod
    def of(cls, distance: float, n: int, m: int) -> _Gap:
        return cls(distance, distances.robust(distance, n, m))

    @classmethod
    def at_most(cls, before: Weighted, values: Values, weights: Weights) -> _Gap:
        """What the gap of two samples is not above."""
        return cls.of(distances.numeric_at_most(before, values, weights), before.total, int(weights.sum()))

    def by(self, method: Literal["Robust", "Simple"]) -> float:
        return self.robust if method == "Robust" else self.simple


@dataclass(frozen=True)
class _Numbers:
    """A column's numbers then and now, counted as anyone and as AWS would."""

    before: Weighted
    after: Weighted

    @cached_property
    def every_row(self) -> _Gap:
        return _Gap.of(*distances.numeric(self.before, self.after))

    @cached_property
    def one_per_value(self) -> _Gap:
        before, after = self.before.one_per_value, self.after.one_per_value
        if before is self.before and after is self.after:
            return self.every_row
        return _Gap.of(*distances.numeric(before, after))


def measure(
    then: Known, column: Column, settings: DistributionComparison, *, strict: bool, drifted_only: bool = False
) -> Distance | None:
    """The distance of ``column`` from the baseline, and whether it counts as drift; None where nothing is comparable.

    Args:
        then: The column in the baseline.
        column: The same in the window.
        settings: Method and thresholds.
        strict: Whether AWS's way of counting decides (see :mod:`endpointwatch.monitors.data_quality`).
        drifted_only: Whether None will do for a distance that is no drift.
    """
    now = column.inferred_type
    # Whole numbers are Fractional too, unless AWS's strictness is asked for; in all other cases the type check speaks.
    widened = (then.inferred_type, now) == ("Fractional", "Integral")
    if then.inferred_type != now and (strict or not widened):
        _log.info(
            "Inferred data type don't match for column %s. Inferred data type in baseline statistics: %s. "
            "Inferred data type in current dataset: %s",
            then.name,
            then.inferred_type,
            now,
        )
        return None
    measured = _numeric if now in _NUMBERS else _categorical if now == "String" else None
    return measured(then, column, settings, strict=strict, drifted_only=drifted_only) if measured else None


def only_significant(measured: Sequence[Distance], rate: float) -> list[Distance]:
    """The distances, of which only those count as drift that chance does not explain in view of their number.

    Args:
        measured: All comparisons of one check.
        rate: The share of false alarms among the alarms that is put up with (Benjamini-Hochberg).
    """
    tested = [distance.p_value for distance in measured if distance.p_value is not None]
    adjusted = iter(significance.benjamini_hochberg(tested))
    kept = []
    for distance in measured:
        chance = next(adjusted) if distance.p_value is not None else None
        exceeded = distance.exceeded and (chance is None or chance <= rate)
        kept.append(distance.model_copy(update={"adjusted_p_value": chance, "exceeded": exceeded}))
    return kept


def _numeric(
    then: Known, column: Column, settings: DistributionComparison, *, strict: bool, drifted_only: bool
) -> Distance | None:
    if then.sample is None or column.moments.n == 0:
        return None
    method, threshold = settings.comparison_method, settings.comparison_threshold
    if drifted_only and not strict and _Gap.at_most(then.sample, *column.sketch.stored()).by(method) <= threshold:
        return None
    numbers = _Numbers(then.sample, Weighted(*column.sketch.weighted()))
    distance = (numbers.one_per_value if strict else numbers.every_row).by(method)
    if drifted_only and distance <= threshold:
        return None
    seen_by_aws = then.inferred_type == column.inferred_type
    spread = None
    if then.mean is not None and then.std_dev is not None:
        spread = significance.glass_delta(then.mean, then.std_dev, column.moments.mean)
    simple = numbers.every_row.simple
    return Distance(
        feature_name=then.name,
        method=f"linf_{method.lower()}",
        distance=distance,
        threshold=threshold,
        exceeded=distance > threshold,
        simple=simple,
        robust=numbers.every_row.robust,
        aws=numbers.one_per_value.by(method) if seen_by_aws else None,
        p_value=significance.kolmogorov_smirnov(simple, numbers.before.total, numbers.after.total),
        effect_size=spread,
        effect_measure="glass_delta" if spread is not None else None,
    )


def _categorical(
    then: Known, column: Column, settings: DistributionComparison, *, strict: bool, drifted_only: bool
) -> Distance | None:
    counts = column.histogram.counts
    if then.counts is None or counts is None or (strict and categories(column) is None):
        return None
    # AWS counts blanks as a category; by default they are left to the check of completeness.
    with_blanks = {**counts, NULL_VALUE: counts.get(NULL_VALUE, 0) + column.missing} if column.missing else counts
    as_aws = then.counts, with_blanks
    as_anyone = {text: count for text, count in then.counts.items() if text != NULL_VALUE}, counts
    before, after = as_aws if strict else as_anyone
    if not (sum(before.values()) and sum(after.values())):
        return None
    method, distance = _of_categories(before, after, settings, strict=strict)
    threshold = settings.categorical_threshold
    if distance is None:
        return None
    # A p-value says more the smaller it is: this limit is broken from below, though the text says "exceeds".
    exceeded = distance < threshold if method == _P_VALUE else distance > threshold
    if drifted_only and not exceeded:
        return None
    gap = _Gap.of(*distances.categorical(before, after))
    return Distance(
        feature_name=then.name,
        method=method,
        distance=distance,
        threshold=threshold,
        exceeded=exceeded,
        simple=gap.simple,
        robust=gap.robust,
        aws=_of_categories(*as_aws, settings, strict=True)[1] if categories(column) is not None else None,
        p_value=significance.homogeneity(before, after),
        effect_size=significance.cramers_v(before, after),
        effect_measure="cramers_v",
    )


def _of_categories(
    before: Mapping[str, int], after: Mapping[str, int], settings: DistributionComparison, *, strict: bool
) -> tuple[str, float | None]:
    """What decides, and its name."""
    if settings.categorical_drift_method == "ChiSquared":
        return _P_VALUE, distances.chi_squared(before, after, strict=strict)
    method = settings.comparison_method
    return f"linf_{method.lower()}", _Gap.of(*distances.categorical(before, after)).by(method)
