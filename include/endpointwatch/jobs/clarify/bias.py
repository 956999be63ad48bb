"""The bias part of a Clarify job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from endpointwatch.config.bias import Bias
from endpointwatch.config.section import Switch
from endpointwatch.errors import PlanError
from endpointwatch.jobs.clarify.config import AnalysisConfig, BiasMethod
from endpointwatch.jobs.clarify.table import DataSet
from endpointwatch.metrics.bias.catalogue import METRICS, Stage
from endpointwatch.monitors import bias
from endpointwatch.monitors.analysis_document import Measured, document
from endpointwatch.monitors.choices import Choice, choose, choose_outcomes, span
from endpointwatch.states.outcomes import Outcomes

_STAGES: tuple[Stage, ...] = ("post_training", "pre_training")


@dataclass(frozen=True, slots=True)
class Analysed:
    """What came out: the state, every metric, and their part of ``analysis.json``."""

    state: Outcomes
    measured: tuple[Measured, ...]
    document: dict[str, Any]


def asked(config: AnalysisConfig) -> dict[Stage, BiasMethod]:
    """The stages that are asked for; all that can be where ``methods`` is absent, as for Clarify's monitors."""
    if not config.methods.asked and config.facet:
        answered = config.predicted_label is not None or config.predicted_label_dataset_uri is not None
        return {stage: BiasMethod() for stage in _STAGES if answered or stage == "pre_training"}
    methods = {"pre_training": config.methods.pre_training_bias, "post_training": config.methods.post_training_bias}
    return {stage: method for stage in _STAGES if (method := methods[stage]) is not None}


def require_parts(config: AnalysisConfig) -> None:
    """Raise :class:`PlanError` when the configuration leaves out what every bias metric needs."""
    if not config.facet:
        raise PlanError("Bias needs a facet: name the sensitive column in `facet` of analysis_config.json.")
    if config.label is None or not config.label_values_or_threshold:
        raise PlanError("Bias needs `label` and `label_values_or_threshold` in analysis_config.json.")


def analyse(config: AnalysisConfig, data: DataSet, *, aws_compatible: Switch) -> Analysed:
    """Every metric that ``config`` asks for, over ``data``.

    Raises:
        PlanError: What the metrics need is not in the configuration or not in the data.
    """
    stages = asked(config)
    roles = _roles(config, data, stages, strict=aws_compatible == "Enabled")
    state = bias.compute(data.rows, roles)
    if "FT" in _names("post_training", stages):
        state = bias.flip_tests(data.rows.select(_seen(data, roles)), roles, state)
    measured: list[Measured] = []
    for stage in stages:
        settings = Bias(
            sensitive_features=tuple(facet.column for facet in roles.facets),
            metrics=_names(stage, stages),
            aws_compatible=aws_compatible,
        )
        try:
            measured += bias.measure(state, roles, settings, (stage,))
        except ValueError as error:
            raise PlanError(f"{stage}_bias: {error}") from error
    label = roles.label or Choice(str(data.label))
    printed = label.printed(span(data.rows[label.column]))
    return Analysed(state, tuple(measured), document(measured, label.column, printed))


def _roles(config: AnalysisConfig, data: DataSet, stages: dict[Stage, BiasMethod], *, strict: bool) -> bias.Roles:
    positive = config.label_values_or_threshold or ()
    label_values = data.rows[str(data.label)]
    try:
        facets = []
        for one in config.facet:
            column = data.rows[data.column(one.name_or_index, "facet.name_or_index")]
            facets.append(choose(column, one.value_or_threshold or (), strict=strict))
        label, predicted = choose(label_values, positive, strict=strict), None
        if data.predicted is not None and "post_training" in stages:
            if config.probability_threshold is not None:
                predicted = Choice(data.predicted, threshold=config.probability_threshold)
            else:
                label, predicted = choose_outcomes(label_values, data.rows[data.predicted], positive, strict=strict)
    except ValueError as error:
        raise PlanError(f"analysis_config.json does not fit the data: {error}") from error
    group = None if config.group_variable is None else data.column(config.group_variable, "group_variable")
    return bias.Roles(tuple(facets), label, predicted, group)


def _names(stage: Stage, stages: dict[Stage, BiasMethod]) -> tuple[str, ...]:
    if stage not in stages:
        return ()
    known = [metric.name for metric in METRICS.values() if metric.stage == stage]
    wanted = stages[stage].methods
    if wanted == "all":
        return tuple(known)
    if strange := [name for name in wanted if name not in known]:
        raise PlanError(f'methods.{stage}_bias.methods has {strange}; there are {known}, or "all".')
    return tuple(wanted)


def _seen(data: DataSet, roles: bias.Roles) -> list[str]:
    """The columns that the flip test may look at: the features, and what has a part itself."""
    parts = [*data.features, *(facet.column for facet in roles.facets), data.label, data.predicted]
    return list(dict.fromkeys(name for name in parts if name is not None and name in data.rows.columns))
