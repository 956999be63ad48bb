"""How two models treat the groups of the endpoint's bias monitor, by the monitor's own metrics."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

import polars as pl

from endpointwatch.actions.comparison import Treatment
from endpointwatch.actions.scores import FACET, Scores
from endpointwatch.config.bias import Bias, Facet
from endpointwatch.metrics.bias.catalogue import FLIP_TEST, POST_TRAINING
from endpointwatch.monitors import analysis_document, bias
from endpointwatch.monitors.analysis_document import Measured
from endpointwatch.monitors.choices import Choice, continuous, numbers

# Columns of the table that is measured; no column of an endpoint is called so.
_LABEL, _ANSWER = "__label", "__answer"
#: The flip test looks for neighbours among all features, which are not among the scores.
COMPUTED: Final = tuple(metric.name for metric in POST_TRAINING if metric.name != FLIP_TEST)


def measured(scores: Scores, model: str, settings: Bias, *, also: Iterable[str] = ()) -> tuple[Measured, ...]:
    """A model's bias metrics on all rows of ``scores``; () without rows, or without the column of any facet.

    Args:
        scores: The rows.
        model: The column of its scores.
        settings: The bias monitor's. Facets of many numbers without a threshold are cut at their median.
        also: Metrics to compute beside those that the monitor asks for.
    """
    columns = {name.removeprefix(FACET) for name in scores.frame.columns if name.startswith(FACET)}
    # A column that no file had is there, and empty.
    known = {name for name in columns if (scores.frame[FACET + name].fill_null("") != "").any()}
    facets = [facet for facet in settings.facets if facet.name in known]
    if not scores.rows or not facets:
        return ()
    group = settings.group_variable if settings.group_variable in known else None
    table = scores.frame.select(
        *(pl.col(FACET + name).alias(name) for name in sorted(known)),
        pl.col("label").alias(_LABEL),
        pl.col(model).alias(_ANSWER),
    )
    answer = Choice(_ANSWER, threshold=settings.probability_threshold)
    if settings.probability_threshold is None:
        answer = Choice(_ANSWER, settings.positive_labels, settings.label_threshold)
    good = Choice(_LABEL, settings.positive_labels, settings.label_threshold)
    if settings.label_threshold is not None:
        good = Choice(_LABEL, threshold=settings.label_threshold)
    roles = bias.Roles(tuple(_choice(table[facet.name], facet) for facet in facets), good, answer, group)
    wanted = COMPUTED if settings.metrics == "all" else settings.metrics
    names = tuple(name for name in COMPUTED if name in {*wanted, *also})
    asked = settings.model_copy(update={"metrics": names, "aws_compatible": "Disabled"})
    return bias.measure(bias.compute(table, roles), roles, asked, ("post_training",))


def treatments(
    challenger: Iterable[Measured], champion: Iterable[Measured], limits: Mapping[str, float], *, minimum_rows: int
) -> tuple[Treatment, ...]:
    """Both models' metrics side by side, and which limits the challenger breaks.

    Args:
        challenger: Its metrics.
        champion: Its metrics on the same rows; () for a first version.
        limits: The largest distance from equal treatment by metric.
        minimum_rows: A group that has, or leaves, fewer rows breaks no limit: its value is mostly chance.
    """
    theirs = {(one.facet, one.matched, one.metric.name): one.value for one in champion}
    return tuple(_treatment(one, theirs, limits, minimum_rows) for one in challenger)


def report(found: Iterable[Measured], label: str) -> dict[str, Any]:
    """The metrics as an ``analysis.json`` in Clarify's schema."""
    return {"version": "1.0", **analysis_document.document(found, label, "1")}


def _treatment(
    one: Measured, theirs: Mapping[tuple[str, str, str], float | None], limits: Mapping[str, float], minimum: int
) -> Treatment:
    limit, smaller = limits.get(one.metric.name), min(one.rows)
    beyond = limit is not None and one.value is not None and one.metric.size(one.value) > limit
    note = one.error or ("" if one.value is None or math.isfinite(one.value) else f"It is {one.value}.")
    if smaller < minimum:
        note = f"{smaller} rows on one side, fewer than minimum_group_rows = {minimum}: not judged. {note}".strip()
    return Treatment(
        metric=one.metric.name,
        facet=one.facet,
        group=one.facet_value,
        rows=one.rows[1],
        challenger=_finite(one.value),
        champion=_finite(theirs.get((one.facet, one.matched, one.metric.name))),
        limit=limit,
        broken=beyond and smaller >= minimum,
        note=note,
    )


def _choice(column: pl.Series, facet: Facet) -> Choice:
    if facet.values or facet.threshold is not None:
        return Choice(facet.name, facet.values, facet.threshold)
    told = numbers(column)
    whole = column.cast(pl.Int64, strict=False)
    numeric = whole if whole.null_count() == told.null_count() else told
    if numeric.null_count() == len(column) or not continuous(numeric):
        return Choice(facet.name)
    return Choice(facet.name, threshold=float(told.median()))  # type: ignore[arg-type]


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
