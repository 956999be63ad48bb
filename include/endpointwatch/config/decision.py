"""The ``decision`` section of an endpoint's file: what verdicts are answered with, how often, and when not."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from endpointwatch.config.alarm_actions import Scaling
from endpointwatch.config.data_quality import COLUMN_CHECKS
from endpointwatch.config.notifications import Audience
from endpointwatch.config.quiet_hours import QuietSpan
from endpointwatch.config.section import MonitorKind, Section
from endpointwatch.config.status import CountedStatus

Action = Literal["nothing", "notify", "pause", "scale", "rollback", "retrain"]

#: Name of the one rule of the short form.
SHORT_FORM: Final = "drift"


def _reachable(violations: int, windows: int) -> None:
    if violations > windows:
        raise ValueError(f"violations ({violations}) can never be reached in {windows} windows")


Weight = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class Rule(Section):
    """Fires when `violations` of the last `windows` windows count. Rules are read top to bottom; the first decides."""

    name: str = Field(
        description="Decisions and incidents are named for it. `broken_data`, `capture` or `missing_labels` takes the "
        "place of the standing rule of that name.",
        pattern=r"^[a-z][a-z0-9_]{0,39}$",
        examples=["drift"],
    )
    monitors: tuple[MonitorKind, ...] = Field((), description="Whose verdicts it looks at; empty: all.")
    statuses: tuple[CountedStatus, ...] = Field(
        ("VIOLATIONS",),
        description="Verdicts that count. A rule that retrains counts `VIOLATIONS` alone.",
        min_length=1,
    )
    checks: tuple[str, ...] = Field(
        (),
        description="Of violations, only those whose `constraint_check_type` is named here; empty: all.",
        examples=["baseline_drift_check"],
    )
    features: tuple[str, ...] = Field((), description="Of violations, only those of these features; empty: all.")
    monitor_weights: dict[MonitorKind, Weight] = Field(
        default_factory=dict, description="What a monitor's verdict is multiplied by; 1 for one that is not named."
    )
    feature_weights: dict[str, Weight] = Field(
        default_factory=dict, description="Points of a violated feature; 1 for one that is not named."
    )
    threshold: float = Field(1.0, gt=0.0, allow_inf_nan=False, description="A window of so many points counts.")
    violations: int = Field(1, ge=1, description="So many windows must count.")
    windows: int = Field(1, ge=1, description="Of so many, the last ones.")
    action: Action = Field(
        description="What follows: a retraining, the version before, more instances, a pause of the monitoring, or "
        "only word of it."
    )
    scaling: Scaling = Field(Scaling(), description="With `scale`.")
    pause_hours: int = Field(
        24, ge=1, le=720, description="With `pause`: scheduled windows that end within it are not judged."
    )
    tell: tuple[Audience, ...] = Field(
        (),
        description="Who is told, once an incident and again as a reminder; empty: nobody, with `notify` the "
        "endpoint's owner.",
    )
    act_within_hours: int | None = Field(
        None,
        ge=1,
        description="As `decision.act_within_hours`, for this rule; null takes that one, and with "
        "`LABELS_MISSING` adds `ground_truth.maximum_age_hours` to that.",
    )

    @model_validator(mode="after")
    def _can_be_met(self) -> Self:
        _reachable(self.violations, self.windows)
        return self

    @model_validator(mode="after")
    def _retrains_for_violations_alone(self) -> Self:
        if self.action == "retrain" and (others := [one for one in self.statuses if one != "VIOLATIONS"]):
            raise ValueError(
                f"a new model mends no {' or '.join(others)}; let the rule {self.name!r} count VIOLATIONS alone, "
                "and give the others a rule that notifies"
            )
        return self

    def __str__(self) -> str:
        checks = f" by {', '.join(self.checks)}" if self.checks else ""
        of = f" of {', '.join(self.monitors)}" if self.monitors else ""
        whom = f", and {', '.join(self.told)} is told" if self.told else ""
        return (
            f"`{self.name}`: {', '.join(self.statuses)}{checks}{of} in {self.violations} of the last "
            f"{self.windows} windows: {self.action}{whom}"
        )

    @property
    def told(self) -> tuple[Audience, ...]:
        """Who is told when it fires."""
        return self.tell or (("endpoint_owner",) if self.action == "notify" else ())


#: What no retraining mends. These stand before the file's own rules, each unless a rule has its name.
STANDING: Final = (
    Rule(
        name="broken_data",
        statuses=("SCHEMA_CHANGED", "ENCODING_MIXED", "VIOLATIONS"),
        checks=COLUMN_CHECKS,
        action="notify",
        tell=("data_owner",),
    ),
    Rule(name="capture", statuses=("CAPTURE_OFF", "CAPTURE_LAGGING"), action="notify", tell=("data_owner",)),
    Rule(name="missing_labels", statuses=("LABELS_MISSING",), action="notify", tell=("label_owner",)),
)


class Budget(Section):
    """What retraining may cost. A day is any 24 hours, a month any 31 days: no midnight doubles it."""

    retrainings_a_day: int | None = Field(None, ge=0, description="Null: as many as are asked for.")
    retrainings_a_month: int | None = Field(None, ge=0, description="The same.")
    training_hours_a_day: float | None = Field(
        None,
        ge=0.0,
        allow_inf_nan=False,
        description="Of training jobs. One that has not ended, and the one to be started, count as "
        "`training.max_runtime_seconds`.",
    )
    training_hours_a_month: float | None = Field(None, ge=0.0, allow_inf_nan=False, description="The same.")


class Incidents(Section):
    """When windows that a rule counts are one incident, and how often it is told."""

    quiet_windows: int = Field(3, ge=1, description="So many windows without trouble close it.")
    lapse_windows: int = Field(
        24, ge=1, description="It ends without them when so many windows have passed since the last that counts."
    )
    reminder_hours: float = Field(
        24.0, gt=0.0, allow_inf_nan=False, description="Who was told is told again after so long, if it goes on."
    )


class Decision(Section):
    """What verdicts are answered with: violations in `violations` of the last `windows` windows; or by `rules`."""

    violations: int = Field(2, ge=1, description="So many windows must have violations.")
    windows: int = Field(3, ge=1, description="Of so many, the last ones.")
    action: Action = Field("retrain", description="What follows; as in a rule.")
    rules: tuple[Rule, ...] = Field(
        (), description="In place of the three keys above ([decisions.md](decisions.md)): the first that fires decides."
    )
    act_within_hours: int = Field(
        48, ge=1, description="A backfilled window that ended longer ago is judged and recorded, but starts nothing."
    )
    cooldown_hours: float = Field(
        0.0,
        ge=0.0,
        allow_inf_nan=False,
        description="So long after an action, as a retraining, no decision starts another of its kind.",
    )
    budget: Budget = Budget()
    quiet_hours: tuple[QuietSpan, ...] = Field((), description="In UTC. Nothing is started then; people are told.")
    incidents: Incidents = Incidents()

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        short = sorted({"violations", "windows", "action"} & self.model_fields_set)
        if self.rules and short:
            raise ValueError(
                f"{', '.join(short)} and `rules` say the same in two ways; say it in a rule and take the others out"
            )
        _reachable(self.violations, self.windows)
        names = [rule.name for rule in self.rules]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"rules: {', '.join(twice)} stands there more than once; give each rule a name of its own")
        return self

    @property
    def own(self) -> tuple[Rule, ...]:
        """The rules that the file gives, in either form."""
        if self.rules:
            return self.rules
        return (Rule(name=SHORT_FORM, violations=self.violations, windows=self.windows, action=self.action),)

    def in_force(self, labels_after_hours: int = 0) -> tuple[Rule, ...]:
        """All rules, in the order in which they are read, each with its own ``act_within_hours``.

        Args:
            labels_after_hours: How long labels are waited for: only then are they known to be missing.
        """
        replaced = {rule.name for rule in self.own}
        every = (*(rule for rule in STANDING if rule.name not in replaced), *self.own)
        return tuple(self._dated(rule, labels_after_hours) for rule in every)

    def _dated(self, rule: Rule, labels_after_hours: int) -> Rule:
        if rule.act_within_hours is not None:
            return rule
        late = labels_after_hours if "LABELS_MISSING" in rule.statuses else 0
        return rule.model_copy(update={"act_within_hours": self.act_within_hours + late})
