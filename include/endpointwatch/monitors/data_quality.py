"""The data-quality monitor: types, completeness, known values and drift against a baseline, as in Model Monitor.

Where AWS's analyzer is known to be blind, this one sees; with ``aws_compatible`` it follows AWS to the letter:

==========================  ======================================  ========================================
                            by default                              ``aws_compatible``
==========================  ======================================  ========================================
repeated numbers in drift   every row counts                        equal values collapse into one
whole number in Fractional  is of the type, and is compared         is not of the type, and is not compared
number in a String column   is of the type                          is not of the type
blanks in drift of texts    left to the completeness check          a value of their own, ``NullValue``
blanks in known values      left to the completeness check          known
another number of columns   those with the same name are checked    nothing else is checked
==========================  ======================================  ========================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pyarrow as pa

from endpointwatch.config.columns import ColumnOverrides
from endpointwatch.config.data_quality import DataQuality
from endpointwatch.monitors import drift, texts
from endpointwatch.monitors.constraints import (
    Constraints,
    FeatureConstraints,
    MonitoringConfig,
    NumberConstraints,
    StringConstraints,
)
from endpointwatch.monitors.findings import Distance, Findings, Violation
from endpointwatch.monitors.statistics import Known, categories, known
from endpointwatch.states import Column, Table

NAME = "data_quality"
_NUMBERS = ("Integral", "Fractional")
_AS_LEARNT = ColumnOverrides()


@dataclass(frozen=True)
class Baseline:
    """What a window is held against.

    Attributes:
        constraints: What is asked of each column.
        statistics: The document of the baseline's statistics; without it nothing is compared for drift.
    """

    constraints: Constraints
    statistics: Mapping[str, Any] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.constraints.features)

    @cached_property
    def known(self) -> Mapping[str, Known]:
        """What the statistics say about each column; read once, however many windows are held against them."""
        return {column.name: column for column in known(self.statistics)} if self.statistics else {}


def compute(rows: pa.RecordBatch, state: Table | None = None) -> Table:
    """The state of ``rows``, or ``state`` after them. However the rows are cut into batches, the state is the same."""
    return (state or Table()).extend(rows)


def suggest(state: Table, settings: DataQuality) -> Constraints:
    """The constraints that the rows behind ``state`` keep, under the monitor's settings."""
    features = tuple(_suggestion(name, column) for name, column in zip(state.names, state.columns, strict=True))
    return Constraints(features=features, monitoring_config=MonitoringConfig.of(settings))


def watched(state: Table, settings: DataQuality) -> Table:
    """The columns of ``state`` that the settings watch; all of them where it has none of those names."""
    names = tuple(name for name in state.names if settings.watches(name))
    return state.selected(names) if names else state


def check(state: Table, baseline: Baseline, settings: DataQuality, *, drifted_only: bool = False) -> Findings:
    """Hold ``state`` against ``baseline``. Columns are found by name; :meth:`Table.renamed` goes by position before.

    Args:
        state: The window's rows.
        baseline: What is asked of them.
        settings: The monitor's settings.
        drifted_only: Leave out the distances that are no drift. That is several times faster, because most columns need
            not be compared value by value to tell.
    """
    config = baseline.constraints.monitoring_config
    if config.evaluate_constraints == "Disabled":
        return Findings()
    strict = settings.aws_compatible == "Enabled"
    corrected = settings.benjamini_hochberg == "Enabled"
    few = drifted_only and not corrected  # the correction counts every comparison, drift or not
    state, constraints = watched(state, settings), baseline.constraints.under(settings)
    changed = _column_violations(state, baseline.names, tuple(feature.name for feature in constraints.features))
    if changed and strict:
        return Findings(changed, schema_changed=True)
    columns = dict(zip(state.names, state.columns, strict=True))
    violations: list[Violation] = list(changed)
    measured: list[Distance] = []
    for feature in constraints.features:
        general, column = feature.settings(config), columns.get(feature.name)
        if general.evaluate_constraints == "Disabled" or column is None:
            continue
        own = settings.column_overrides.get(feature.name, _AS_LEARNT)
        violations += _violations(feature, general, own, column, strict=strict)
        comparison, then = general.distribution_constraints, baseline.known.get(feature.name)
        if comparison.perform_comparison == "Enabled" and then is not None:
            then = then if strict else _as_asked(then, own)
            distance = drift.measure(then, column, comparison, strict=strict, drifted_only=few)
            measured += [distance] if distance is not None else []
    if corrected:
        measured = drift.only_significant(measured, settings.false_discovery_rate)
    for distance in measured:
        if distance.exceeded:
            text = texts.baseline_drift(distance.distance, distance.threshold)
            violations.append(_violation(distance.feature_name, "baseline_drift_check", text))
    return Findings(tuple(violations), tuple(measured), schema_changed=bool(changed))


def _as_asked(then: Known, own: ColumnOverrides) -> Known:
    """The baseline's column, as fractional where that is what is asked for: its whole numbers are fractional, too."""
    if then.inferred_type == "Integral" and own.inferred_type == "Fractional":
        return replace(then, inferred_type="Fractional")
    return then


def _suggestion(name: str, column: Column) -> FeatureConstraints:
    kind = column.inferred_type
    kept = categories(column) if kind == "String" else None
    return FeatureConstraints(
        name=name,
        inferred_type=kind,
        completeness=column.completeness,
        num_constraints=NumberConstraints(is_non_negative=column.moments.low >= 0) if kind in _NUMBERS else None,
        string_constraints=StringConstraints(domains=tuple(value for value, _ in kept)) if kept is not None else None,
    )


def _column_violations(state: Table, learnt: tuple[str, ...], asked: tuple[str, ...]) -> tuple[Violation, ...]:
    """What is wrong about which columns there are.

    Args:
        state: The watched columns of the window; all of them where none has a name of the baseline's.
        learnt: The baseline's columns.
        asked: Those among them that are watched.
    """
    names = asked if set(asked) & set(state.names) else learnt
    now, then = len(state.names), len(names)
    if now > then:
        return (_violation("Extra columns", "extra_column_check", texts.columns("extra", now, then)),)
    if now < then:
        return (_violation("Missing columns", "missing_column_check", texts.columns("missing", now, then)),)
    gone = [name for name in names if name not in state.names]
    return tuple(
        _violation(name, "missing_column_check", f"The column {name} of the baseline is not in the current dataset.")
        for name in gone
    )


def _violations(
    feature: FeatureConstraints, settings: MonitoringConfig, own: ColumnOverrides, column: Column, *, strict: bool
) -> Iterator[Violation]:
    if column.present and feature.inferred_type != "Unknown":
        share = _typed(feature, column, strict=strict) / column.present
        if share < settings.datatype_check_threshold:
            text = texts.data_type(feature.inferred_type, settings.datatype_check_threshold, share)
            yield _violation(feature.name, "data_type_check", text)
    if feature.completeness is not None and column.completeness < feature.completeness:
        text = texts.completeness(feature.completeness, column.completeness)
        yield _violation(feature.name, "completeness_check", text)
    # A suggested is_non_negative is never checked, as on AWS; one that somebody asked for is.
    if own.is_non_negative and column.moments.n and column.moments.low < 0:
        yield _violation(feature.name, "non_negative_check", texts.non_negative(column.moments.low))
    domains = feature.string_constraints.domains if feature.string_constraints else None
    if domains and column.present:
        known = _familiar(frozenset(domains), column)
        # To the library a blank is a known value; by default it is left to the check of completeness.
        share = (known + column.missing) / column.rows if strict else known / column.present
        if share < settings.domain_content_threshold:
            text = texts.categorical_values(settings.domain_content_threshold, share)
            yield _violation(feature.name, "categorical_values_check", text)


def _typed(feature: FeatureConstraints, column: Column, *, strict: bool) -> int:
    """How many values are of the type that is asked for."""
    if strict:
        return column.types.of(feature.inferred_type)
    if feature.inferred_type == "Fractional":
        return column.types.fractional + column.types.integral
    if feature.inferred_type == column.inferred_type == "String":
        return column.present
    return column.types.of(feature.inferred_type)


def _familiar(domains: frozenset[str], column: Column) -> int:
    """How many values are in ``domains``; where too many different ones were seen, the most it can be."""
    counts = column.histogram.counts
    if counts is None:
        strangers = max(0, column.distinct.estimate - len(domains))
        return max(0, column.present - strangers)
    return sum(count for text, count in counts.items() if text in domains)


def _violation(feature: str, kind: str, text: str) -> Violation:
    return Violation(feature_name=feature, constraint_check_type=kind, description=text)
