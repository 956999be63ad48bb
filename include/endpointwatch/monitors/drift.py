"""How far a column of a window lies from the same column of the baseline."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from endpointwatch.metrics import distances, significance
from endpointwatch.monitors.constraints import DistributionComparison
from endpointwatch.monitors.findings import Distance
from endpointwatch.monitors.statistics import NULL_VALUE, Known, categories
from endpointwatch.states import Column

_NUMBERS = ("Integral", "Fractional")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Gap:
    """The distance of two samples before and after what chance alone would give is taken off."""

    simple: float
    robust: float

    @classmethod
    def of(cls, distance: float, n: int, m: int) -> _Gap:
        return cls(distance, distances.robust(distance, n, m))

    def by(self, method: Literal["Robust", "Simple"]) -> float:
        return self.robust if method == "Robust" else self.simple


def measure(then: Known, column: Column, settings: DistributionComparison, *, strict: bool) -> Distance | None:
    """The distance of ``column`` from the baseline, and whether it counts as drift; None where nothing is comparable.

    Args:
        then: The column in the baseline.
        column: The same in the window.
        settings: Method and thresholds.
        strict: Whether AWS's way of counting decides (see :mod:`endpointwatch.monitors.data_quality`).
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
    if now in _NUMBERS:
        return _numeric(then, column, settings, strict=strict, seen_by_aws=not widened)
    return _categorical(then, column, settings, strict=strict) if now == "String" else None


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
    then: Known, column: Column, settings: DistributionComparison, *, strict: bool, seen_by_aws: bool
) -> Distance | None:
    if then.sample is None or column.moments.n == 0:
        return None
    before, after = then.sample, distances.Weighted(*column.sketch.weighted())
    (simple, n, m), one_per_value = distances.numeric_both_ways(before, after)
    every_row, aws = _Gap.of(simple, n, m), _Gap.of(*one_per_value)
    method = settings.comparison_method
    distance, threshold = (aws if strict else every_row).by(method), settings.comparison_threshold
    spread = None
    if then.mean is not None and then.std_dev is not None:
        spread = significance.glass_delta(then.mean, then.std_dev, column.moments.mean)
    return Distance(
        feature_name=then.name,
        method=f"linf_{method.lower()}",
        distance=distance,
        threshold=threshold,
        exceeded=distance > threshold,
        simple=every_row.simple,
        robust=every_row.robust,
        aws=aws.by(method) if seen_by_aws else None,
        p_value=significance.kolmogorov_smirnov(simple, n, m),
        effect_size=spread,
        effect_measure="glass_delta" if spread is not None else None,
    )


def _categorical(then: Known, column: Column, settings: DistributionComparison, *, strict: bool) -> Distance | None:
    counts = column.histogram.counts
    seen_by_aws = categories(column) is not None
    if then.counts is None or counts is None or (strict and not seen_by_aws):
        return None
    # AWS counts blanks as a category; by default they are left to the check of completeness.
    known = {text: count for text, count in then.counts.items() if text != NULL_VALUE}
    with_blanks = {**counts, NULL_VALUE: counts.get(NULL_VALUE, 0) + column.missing} if column.missing else counts
    full = sum(known.values()) and sum(counts.values())
    if not full and not strict:
        return None
    if strict and not (sum(then.counts.values()) and sum(with_blanks.values())):
        return None
    before, after = (then.counts, with_blanks) if strict else (known, counts)
    gap = _Gap.of(*distances.categorical(before, after))
    common = {
        "feature_name": then.name,
        "simple": gap.simple,
        "robust": gap.robust,
        "p_value": significance.homogeneity(before, after),
        "effect_size": significance.cramers_v(before, after),
        "effect_measure": "cramers_v",
    }
    threshold = settings.categorical_threshold
    if settings.categorical_drift_method == "ChiSquared":
        chance = distances.chi_squared(before, after, strict=strict)
        if chance is None:
            return None
        # A p-value says more the smaller it is: this limit is broken from below, though the text says "exceeds".
        return Distance(
            **common,
            method="chi_squared_p_value",
            distance=chance,
            threshold=threshold,
            exceeded=chance < threshold,
            aws=distances.chi_squared(then.counts, with_blanks, strict=True) if seen_by_aws else None,
        )
    method = settings.comparison_method
    same = strict or (with_blanks is counts and len(known) == len(then.counts))
    aws = gap if same else _Gap.of(*distances.categorical(then.counts, with_blanks))
    distance = gap.by(method)
    return Distance(
        **common,
        method=f"linf_{method.lower()}",
        distance=distance,
        threshold=threshold,
        exceeded=distance > threshold,
        aws=aws.by(method) if seen_by_aws else None,
    )
