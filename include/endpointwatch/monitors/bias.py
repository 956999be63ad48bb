"""The bias monitor: how groups of people fare with the model, against everybody else and against the baseline.

==========================  ======================================  ========================================
                            by default                              ``aws_compatible``
==========================  ======================================  ========================================
Disparate Impact            compared around 1, as a ratio           compared around 0: only a rise counts
a missing label or answer   the row is left out where it is needed  counts as a negative one
a missing facet value       the row is in no group                  the row is one of the others
no positive answer at all   metrics that have a value have it       the analysis fails
small groups                reported, not judged                    judged
==========================  ======================================  ========================================
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from endpointwatch.config.bias import Bias
from endpointwatch.metrics.bias.catalogue import FLIP_TEST, METRICS, BiasMetric, Stage
from endpointwatch.metrics.bias.flip_test import ft
from endpointwatch.metrics.bias.ratios import NotComputableError
from endpointwatch.metrics.bias.slices import UNKNOWN, Slice
from endpointwatch.monitors.analysis_document import Bounds, Measured
from endpointwatch.monitors.choices import ABOVE, Choice, canonical, chosen, keys, span, texts
from endpointwatch.monitors.findings import Findings, Metric, Violation
from endpointwatch.monitors.texts import bias_drift
from endpointwatch.states.outcomes import SCHEMA, Outcomes

NAME = "bias"
#: A facet with more different values is no facet.
MAXIMUM_VALUES = 200
NO_POSITIVES = (
    "No Label values are present in the predicted Label Column,"
    "Positive Predicted Index Series contains all False values"
)
NEEDS_ROWS = "The flip test is no sum over windows; it is computed where the rows are read"


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column plays which part.

    Attributes:
        facets: The sensitive columns, and whose rows are the group in each.
        label: The column of true outcomes and the good ones; None: not known.
        predicted: The same of the model's answers; None: there are none.
        group: The group variable.
    """

    facets: tuple[Choice, ...]
    label: Choice | None = None
    predicted: Choice | None = None
    group: str | None = None


def compute(rows: pl.DataFrame, roles: Roles, state: Outcomes | None = None) -> Outcomes:
    """The state of ``rows``, or ``state`` after them; every column that has a part must be there.

    Args:
        rows: Shape ``(rows, columns)``; numbers may be texts, null and empty texts are missing.
        roles: The parts.
        state: Of the rows before.
    """
    nothing = pl.Series([None], dtype=pl.Boolean).new_from_index(0, rows.height)
    label = chosen(rows[roles.label.column], roles.label) if roles.label else nothing
    predicted = chosen(rows[roles.predicted.column], roles.predicted) if roles.predicted else nothing
    group = texts(rows[roles.group]) if roles.group else nothing.cast(pl.String)
    parts = []
    for facet in roles.facets:
        frame = pl.DataFrame(
            {"value": keys(rows[facet.column], facet), "group": group, "label": label, "predicted": predicted}
        )
        counted = frame.group_by("value", "group", "label", "predicted").agg(count=pl.len().cast(pl.Int64))
        parts.append(counted.with_columns(facet=pl.lit(facet.column)).select(*SCHEMA))
    cut = [
        choice for choice in (*roles.facets, roles.label, roles.predicted) if choice and choice.threshold is not None
    ]
    spans = {choice.column: span(rows[choice.column]) for choice in cut}
    now = Outcomes.counted(pl.concat(parts), rows.height, spans)
    return now if state is None else state + now


def flip_tests(rows: pl.DataFrame, roles: Roles, state: Outcomes) -> Outcomes:
    """``state``, which must be of exactly these rows, with the flip test of every facet value.

    All columns but the facet, the label and the answer are the features, as in Clarify.
    """
    flips: dict[tuple[str, str], float | str] = {}
    if roles.predicted is None:
        return state
    predicted = chosen(rows[roles.predicted.column], roles.predicted).fill_null(value=False).to_numpy()
    parts = {roles.predicted.column} | ({roles.label.column} if roles.label else set())
    for facet in roles.facets:
        features = rows.select(pl.exclude(*parts, facet.column))
        numeric = all(kind.is_numeric() or kind == pl.Boolean for kind in features.dtypes)
        table = features.cast(pl.Float64).to_numpy().reshape(rows.height, -1) if numeric else None
        own = keys(rows[facet.column], facet)
        for value, inside in groups(state, facet):
            member = own.is_in(list(inside)).fill_null(value=False).to_numpy()
            try:
                flips[facet.column, value] = ft(table, member, predicted)
            except NotComputableError as error:
                flips[facet.column, value] = str(error)
    return Outcomes(state.frame, state.rows, state.spans, flips)


def groups(state: Outcomes, facet: Choice) -> Iterator[tuple[str, frozenset[str]]]:
    """The groups to look at in one facet: how each is called in files, and the counted values it is made of."""
    if facet.threshold is not None:
        yield facet.printed(state.spans.get(facet.column)), frozenset({ABOVE})
    elif facet.values:
        yield facet.text, frozenset(map(canonical, facet.values))
    else:
        mine = state.frame.filter(pl.col("facet") == facet.column)
        for value in sorted(mine.get_column("value").drop_nulls().unique()):
            yield value, frozenset({value})


def sliced(state: Outcomes, facet: str, inside: frozenset[str], *, strict: bool = False) -> Slice:
    """All rows by whether their ``facet`` is one of ``inside``.

    Args:
        state: The counts.
        facet: The sensitive column.
        inside: The values of the group.
        strict: A row without a value is one of the others; by default it is left out.
    """
    mine = state.frame.filter(pl.col("facet") == facet)
    if not strict:
        mine = mine.filter(pl.col("value").is_not_null())
    in_group = mine.get_column("value").is_in(list(inside)).fill_null(value=False)
    known = mine.get_column("group").drop_nulls().unique().sort()
    places = pl.DataFrame({"group": known, "place": pl.int_range(len(known), eager=True)})
    place = mine.select("group").join(places, on="group", how="left", maintain_order="left").get_column("place")
    counts = np.zeros((len(known) + 1, 2, 3, 3), dtype=np.int64)
    index = (
        place.fill_null(len(known)).to_numpy(),
        in_group.cast(pl.Int64).to_numpy(),
        mine.get_column("label").cast(pl.Int64).fill_null(UNKNOWN).to_numpy(),
        mine.get_column("predicted").cast(pl.Int64).fill_null(UNKNOWN).to_numpy(),
    )
    np.add.at(counts, index, mine.get_column("count").to_numpy())
    return Slice(counts).strict() if strict else Slice(counts)


def measure(state: Outcomes, roles: Roles, settings: Bias, stages: Sequence[Stage]) -> tuple[Measured, ...]:
    """Every metric of the stages that is asked for and that the data allows, by facet and value, alphabetically.

    Raises:
        NotComputableError: ``aws_compatible`` is Enabled and no answer is positive, where Clarify fails.
    """
    strict = settings.aws_compatible == "Enabled"
    found: list[Measured] = []
    for facet in roles.facets:
        for value, inside in groups(state, facet):
            one = sliced(state, facet.column, inside, strict=strict)
            if strict and "post_training" in stages and one.answered and not one.predictions[:, 1].any():
                raise NotComputableError(NO_POSITIVES)
            metrics = [
                metric for metric in METRICS.values() if metric.stage in stages and _asked(metric, one, settings)
            ]
            bounds = _bounds(one, metrics, settings)
            for metric in metrics:
                about = (facet.column, value, facet.text or value, tuple(one.facet.tolist()), metric)
                try:
                    number = _flip(state, facet.column, value) if metric.of is None else metric.of(one)
                    found.append(Measured(*about, number, "", bounds.get(metric.name)))
                except NotComputableError as error:
                    found.append(Measured(*about, None, str(error)))
    return tuple(found)


def check(measured: Iterable[Measured], baseline: Iterable[Measured], settings: Bias) -> Findings:
    """Hold a window's metrics against the baseline's: none may be larger, whichever way it points.

    Facets are matched by column and value, those that are cut at a threshold by the threshold. What has no value, now
    or then, is not compared.
    """
    strict = settings.aws_compatible == "Enabled"
    then = {(one.facet, one.matched, one.metric.name): one for one in baseline}
    metrics: list[Metric] = []
    violations: list[Violation] = []
    for one in measured:
        known = then.get((one.facet, one.matched, one.metric.name))
        allowed = known.value if known else None
        small = not strict and min(one.rows) < settings.minimum_group_rows
        exceeded = allowed is not None and one.value is not None and not small and _exceeds(one, allowed, strict=strict)
        note = one.error
        if small:
            note = f"{min(one.rows)} rows on one side, fewer than minimum_group_rows = {settings.minimum_group_rows}."
        elif one.value is not None:
            note = one.metric.sentence(one.value, one.group)
        metrics.append(
            Metric(
                name=one.metric.name,
                value=one.value,
                threshold=allowed,
                exceeded=exceeded,
                facet=one.facet,
                facet_value=one.facet_value,
                note=note,
            )
        )
        if exceeded and one.value is not None and allowed is not None:
            violations.append(
                Violation(
                    facet=one.facet,
                    facet_value=one.named,
                    metric_name=one.metric.name,
                    constraint_check_type="bias_drift_check",
                    description=bias_drift(one.value, allowed),
                )
            )
    return Findings(violations=tuple(violations), metrics=tuple(metrics))


def _asked(metric: BiasMetric, one: Slice, settings: Bias) -> bool:
    if settings.metrics != "all" and metric.name not in settings.metrics:
        return False
    return (one.labelled or not metric.needs_labels) and (one.answered or metric.stage == "pre_training")


def _flip(state: Outcomes, facet: str, value: str) -> float:
    told = state.flips.get((facet, value), NEEDS_ROWS)
    if isinstance(told, str):
        raise NotComputableError(told)
    return told


def _exceeds(one: Measured, allowed: float, *, strict: bool) -> bool:
    """Whether a metric lies farther from equal treatment than the baseline's does."""
    if strict:
        return one.value is not None and abs(one.value) > abs(allowed)
    limit = one.metric.size(allowed)
    values = (one.value,) if one.bounds is None else (one.bounds.low, one.bounds.high)
    sizes = [one.metric.size(value) for value in values if value is not None]
    if one.bounds is not None and one.bounds.low <= one.metric.neutral <= one.bounds.high:
        return False
    return min(sizes) > limit


def _bounds(one: Slice, metrics: Sequence[BiasMetric], settings: Bias) -> dict[str, Bounds]:
    """The bootstrap interval of each metric that has one; empty where it is switched off."""
    asked = settings.confidence_interval
    if asked.bootstrap == "Disabled":
        return {}
    generator = np.random.default_rng(asked.seed)
    drawn: dict[str, list[float]] = {metric.name: [] for metric in metrics if metric.name != FLIP_TEST}
    for _ in range(asked.iterations):
        sample = one.resampled(generator)
        for metric in metrics:
            if metric.of is None:
                continue
            try:
                drawn[metric.name].append(metric.of(sample))
            except NotComputableError:
                continue
    tail = (1 - asked.level) / 2
    return {
        # Quantiles by the order of the values: between infinite ones nothing can be interpolated.
        name: Bounds(*np.quantile(values, (tail, 1 - tail), method="inverted_cdf").tolist())
        for name, values in drawn.items()
        if len(values) >= asked.iterations / 2
    }
