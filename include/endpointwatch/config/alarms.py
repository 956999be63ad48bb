"""What of an endpoint raises an alarm in CloudWatch, and what is done when it does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, field_validator, model_validator

from endpointwatch.config.alarm_actions import Action, Scaling
from endpointwatch.config.alarm_defaults import DEFAULTS, INVOCATIONS
from endpointwatch.config.notifications import Severity
from endpointwatch.config.section import MonitorKind, Section

MINUTE, HOUR, DAY = 60, 3600, 86400
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_RULE_TOKENS = re.compile(r"\s*(?:(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*([^()\s]+)\s*\)|(?:AND|OR|NOT)\b|[()])")


class RunDag(Section):
    """A DAG of your own, started with what is known about the alarm under `alarm` in its configuration."""

    dag_id: str
    conf: dict[str, JsonValue] = Field(default_factory=dict)


class Answered(Section):
    """What every alarm has: how serious it is, and what is done about it."""

    enabled: bool = Field(True, description="`false`: the alarm is not made, and removed where it was.")
    description: str = Field("", max_length=600, description="In a person's words; stands in the alarm and messages.")
    severity: Severity = "warning"
    actions: tuple[Action, ...] = Field(
        ("notify",),
        description="In the order of escalation: the first that is not `notify` at once, the next when the alarm "
        "persists. `notify` tells of each. Empty: the alarm is only shown.",
    )
    scaling: Scaling = Scaling()
    run_dag: RunDag | None = Field(None, description="Needed with the action `run_dag`.")
    pause_hours: int = Field(24, ge=1, le=720, description="With `pause`: windows that end within it are not judged.")

    @field_validator("actions")
    @classmethod
    def _each_once(cls, value: tuple[Action, ...]) -> tuple[Action, ...]:
        if twice := sorted({action for action in value if value.count(action) > 1}):
            raise ValueError(f"{', '.join(twice)} stands in the list more than once; one alarm takes each action once")
        return value

    @model_validator(mode="after")
    def _dag_is_named(self) -> Self:
        if "run_dag" in self.actions and self.run_dag is None:
            raise ValueError("actions has run_dag, but there is no `run_dag` section; add one with its dag_id")
        return self

    @property
    def ladder(self) -> tuple[Action, ...]:
        """The actions that change something, in the order of escalation."""
        return tuple(action for action in self.actions if action != "notify")

    @property
    def tells(self) -> bool:
        return "notify" in self.actions


def _without_required(schema: dict[str, Any]) -> None:
    # An override of a default alarm names only what differs; editors must not ask for the rest.
    schema.pop("required", None)


class MetricAlarm(Answered):
    """One CloudWatch metric against a threshold. The alarms that exist by themselves need only the keys that differ."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra=_without_required)

    metric: str = Field(description="CloudWatch's name of it.", examples=["ModelLatency"])
    monitor: MonitorKind | None = Field(
        None, description="Set where the metric is one that this monitor publishes (`emit_metrics`); null: SageMaker's."
    )
    namespace: str = Field(INVOCATIONS, description="CloudWatch namespace; not looked at with `monitor`.")
    dimensions: dict[str, str] | None = Field(
        None, description="Null takes the endpoint and its variant, with `monitor` those that the monitor publishes."
    )
    statistic: str = Field(
        "Average",
        pattern=r"^(SampleCount|Average|Sum|Minimum|Maximum|p\d{1,2}(\.\d{1,10})?)$",
        examples=["p95"],
    )
    comparison: Literal[">", ">=", "<", "<="] = ">"
    threshold: float = Field(description="In the metric's own unit; latencies are in microseconds.")
    period_seconds: int = Field(MINUTE, ge=10, le=DAY, description="10, 30, or a multiple of 60.")
    periods: int = Field(5, ge=1, description="So many of the last periods are looked at.")
    datapoints: int | None = Field(None, ge=1, description="So many of them must breach the threshold; null: all.")
    missing_data: Literal["missing", "ignore", "breaching", "notBreaching"] = Field(
        "notBreaching", description="What a period without data counts as."
    )

    @model_validator(mode="after")
    def _can_be_evaluated(self) -> Self:
        if self.period_seconds not in (10, 30) and self.period_seconds % MINUTE:
            raise ValueError(f"period_seconds is {self.period_seconds}; it must be 10, 30 or a multiple of 60")
        longest = 7 * DAY if self.period_seconds >= HOUR else DAY
        if self.period_seconds * self.periods > longest:
            raise ValueError(
                f"{self.periods} periods of {self.period_seconds} s are more than the {longest // HOUR} h that "
                "CloudWatch looks back; take fewer or shorter ones"
            )
        if self.datapoints is not None and self.datapoints > self.periods:
            raise ValueError(f"datapoints ({self.datapoints}) can never be reached in {self.periods} periods")
        return self


class CompositeAlarm(Answered):
    """An alarm on other alarms of this file."""

    rule: str = Field(
        description="CloudWatch's rule with the names of this file's alarms.",
        examples=["ALARM(errors_5xx) AND NOT ALARM(no_invocations)"],
    )

    @field_validator("rule")
    @classmethod
    def _is_a_rule(cls, value: str) -> str:
        at = 0
        while at < len(value.rstrip()):
            token = _RULE_TOKENS.match(value, at)
            if token is None:
                raise ValueError(
                    f"{value[at:].strip()[:30]!r} is not understood; a rule has ALARM(name), OK(name) and "
                    "INSUFFICIENT_DATA(name), joined by AND, OR, NOT and brackets"
                )
            at = token.end()
        if not rule_names(value):
            raise ValueError("it names no alarm; write for example ALARM(errors_5xx)")
        return value


def rule_names(rule: str) -> tuple[str, ...]:
    """The alarms that a composite's rule names, each once, in their order."""
    return tuple(dict.fromkeys(found[2] for found in _RULE_TOKENS.finditer(rule) if found[2]))


def in_rule(rule: str, full_names: Mapping[str, str]) -> str:
    """The rule with the alarms' full names, as CloudWatch takes it."""
    return _RULE_TOKENS.sub(
        lambda found: f' {found[1]}("{full_names[found[2]]}")' if found[2] else found[0], rule
    ).strip()


class Alarms(Section):
    """CloudWatch alarms of the endpoint, made by its onboard DAG. Those in [health.md](health.md) need no word here."""

    enabled: bool = Field(True, description="`false`: none is made, and those that were made are removed.")
    metrics: dict[str, MetricAlarm] = Field(
        default_factory=dict,
        validate_default=True,
        description="By name: changes to those that exist by themselves, and others of your own.",
    )
    composites: dict[str, CompositeAlarm] = Field(default_factory=dict, description="By name.")

    @field_validator("metrics", mode="before")
    @classmethod
    def _with_defaults(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        named = [*DEFAULTS, *(name for name in value if name not in DEFAULTS)]
        return {name: _merged(DEFAULTS.get(str(name), {}), value.get(name, {})) for name in named}

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        if both := sorted(set(self.metrics) & set(self.composites)):
            raise ValueError(f"{', '.join(both)} names a metric alarm and a composite one; rename one of the two")
        for name in (*self.metrics, *self.composites):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no name for an alarm; take small letters, digits and underscores")
        there = [name for name, alarm in self.metrics.items() if alarm.enabled]
        for name, composite in self.composites.items():
            for asked in rule_names(composite.rule):
                if composite.enabled and asked not in there:
                    near = get_close_matches(asked, there, n=1)
                    hint = f"Did you mean {near[0]!r}? " if near else ""
                    raise ValueError(
                        f"composites.{name}.rule names {asked!r}, which is no enabled alarm under `metrics`. {hint}"
                        f"There are {', '.join(there)}"
                    )
        return self

    @property
    def declared(self) -> dict[str, MetricAlarm | CompositeAlarm]:
        """The alarms that are to exist, by name: metric alarms first, as composites are made from them."""
        if not self.enabled:
            return {}
        every: dict[str, MetricAlarm | CompositeAlarm] = {**self.metrics, **self.composites}
        return {name: alarm for name, alarm in every.items() if alarm.enabled}


def _merged(default: Mapping[str, Any], given: Any) -> Any:
    # What is no mapping is left to pydantic, whose fault names the place.
    return {**default, **given} if isinstance(given, Mapping) else given
