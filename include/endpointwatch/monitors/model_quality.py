"""The model-quality monitor: a model's predictions against the labels that came later, as in Model Monitor.

Where AWS's analyzer forgets a broken constraint (``f0_5``, in every recorded run), this one reports it; with
``aws_compatible`` it forgets it too.
"""

from __future__ import annotations

import re

import polars as pl
import pyarrow as pa

from endpointwatch.config.model_quality import BINARY, ModelQuality
from endpointwatch.monitors.findings import Findings, Metric, Violation
from endpointwatch.monitors.performance import Performance, Scalar, State, performance
from endpointwatch.monitors.quality_constraints import Limit, QualityConstraints
from endpointwatch.monitors.texts import java_double
from endpointwatch.states.confusion import Confusion
from endpointwatch.states.residuals import Residuals

NAME = "model_quality"
#: The order in which AWS's analyzer reports the constraints of binary models, the same in all recorded runs.
_AWS_ORDER = (
    "auc",
    "precision",
    "true_positive_rate",
    "f1",
    "accuracy",
    "false_positive_rate",
    "true_negative_rate",
    "false_negative_rate",
    "recall",
    "f2",
)
_FORGOTTEN_BY_AWS = "f0_5"


def compute(rows: pa.RecordBatch, state: State | None = None) -> State:
    """The state of ``rows``, or ``state`` after them. However the rows are cut into batches, the state is the same.

    Args:
        rows: ``actual`` and ``predicted``: numbers (a regression) or texts (classes), without nulls; for classes also
            ``score``, null where there is none.
    """
    frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches([rows])))
    if frame.schema["actual"].is_numeric():
        more = Residuals.of(frame.get_column("actual").to_numpy(), frame.get_column("predicted").to_numpy())
        return Residuals.total((state, more)) if isinstance(state, Residuals) else more
    both = pl.concat([frame.get_column("actual"), frame.get_column("predicted")]).unique().sort()
    codes = pl.Enum(both)
    actual, predicted = (
        frame.get_column(key).cast(codes).to_physical().cast(pl.Int32).to_numpy() for key in ("actual", "predicted")
    )
    score = frame.get_column("score").fill_null(float("nan")).to_numpy()
    outcomes = Confusion.of(tuple(both), actual, predicted, score)
    return Confusion.total((state, outcomes)) if isinstance(state, Confusion) else outcomes


def suggest(state: State, settings: ModelQuality) -> QualityConstraints:
    """The limits that the rows behind ``state`` just keep."""
    return suggested(performance(state, settings))


def check(state: State, constraints: QualityConstraints, settings: ModelQuality) -> Findings:
    """Hold the performance of the rows behind ``state`` against ``constraints``."""
    return checked(performance(state, settings), constraints, settings)


def suggested(measured: Performance) -> QualityConstraints:
    """The limits that a performance just keeps."""
    values = {name: scalar.value for name, scalar in measured.scalars.items()}
    return QualityConstraints.suggested(measured.problem_type, values)


def checked(measured: Performance, constraints: QualityConstraints | None, settings: ModelQuality) -> Findings:
    """Hold a performance against limits; without any it is only listed."""
    limits: dict[str, Limit] = {}
    if settings.evaluate_constraints == "Enabled":
        asked = constraints or QualityConstraints(problem_type=measured.problem_type, limits={})
        limits = asked.overridden(settings.thresholds).limits
        if settings.judged_metrics:
            limits = {name: limit for name, limit in limits.items() if name in settings.judged_metrics}
    metrics = {name: _metric(name, scalar, limits.get(name)) for name, scalar in measured.scalars.items()}
    reported = [name for name in _order(limits) if name in metrics and metrics[name].exceeded]
    if settings.aws_compatible == "Enabled" and measured.problem_type == BINARY:
        reported = [name for name in reported if name != _FORGOTTEN_BY_AWS]
    broken = [(name, measured.scalars[name]) for name in reported]
    violations = tuple(
        _violation(name, scalar.value, scalar, limits[name]) for name, scalar in broken if scalar.value is not None
    )
    return Findings(violations, metrics=tuple(metrics.values()))


def camel_case(name: str) -> str:
    """``true_positive_rate`` as AWS's violations spell it, ``truePositiveRate``; ``f0_5`` stays as it is."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def _order(limits: dict[str, Limit]) -> list[str]:
    """AWS's order, then what AWS does not report, in the order of the file."""
    return [*(name for name in _AWS_ORDER if name in limits), *(name for name in limits if name not in _AWS_ORDER)]


def _metric(name: str, scalar: Scalar, limit: Limit | None) -> Metric:
    value = scalar.value
    return Metric(
        name=name,
        value=value,
        standard_deviation=scalar.standard_deviation,
        threshold=limit.threshold if limit else None,
        exceeded=bool(limit and value is not None and limit.broken_by(value)),
        note="" if value is not None else _why_not(name),
    )


def _why_not(name: str) -> str:
    return "All labels are equal." if name == "r2" else "All labels are of one class."


def _violation(name: str, value: float, scalar: Scalar, limit: Limit) -> Violation:
    spelt = camel_case(name)
    # AWS's sentence, word for word; tools parse it.
    spread = "" if scalar.standard_deviation is None else f" +/- {java_double(scalar.standard_deviation)}"
    text = (
        f"Metric {spelt} with {java_double(value)}{spread} "
        f"was {limit.comparison_operator} '{java_double(limit.threshold)}'"
    )
    return Violation(metric_name=spelt, constraint_check_type=limit.comparison_operator, description=text)
