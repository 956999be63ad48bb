"""The likely cause of what a window's monitors said. Rules, read top to bottom: the first that fits.

A rule says what such verdicts usually come from, no more; the message calls it likely, and the runbook says how to
confirm it. The order is that of what hides what: without captures nothing else means anything, and a column that is
gone explains drift better than drift does.

Cause and effect by rule: concept drift is a fall of the labelled quality while the inputs look as they did (Gama et al.
2014, "A survey on concept drift adaptation"); covariate drift is a change of the inputs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from endpointwatch.config.notifications import Audience, Severity
from endpointwatch.monitors.findings import Check
from endpointwatch.reports.verdict import Status, Verdict

_WRONG_VALUES: Final[tuple[Check, ...]] = (
    "data_type_check",
    "completeness_check",
    "non_negative_check",
    "categorical_values_check",
)


@dataclass(frozen=True, slots=True)
class Cause:
    """One likely cause: its word, how bad that is and for whom, in a sentence, and what to do about it."""

    word: str
    title: str
    severity: Severity
    audience: Audience
    text: str
    next_steps: tuple[str, ...]


class Seen:
    """What the rules ask of the verdicts on one window."""

    def __init__(self, verdicts: Iterable[Verdict]) -> None:
        self._verdicts = tuple(verdicts)
        self.statuses = {verdict.status for verdict in self._verdicts}
        self.checks = Counter(
            violation.constraint_check_type for verdict in self._verdicts for violation in verdict.violations
        )

    def status_of(self, monitor: str) -> Status | None:
        """None: that monitor has no verdict here."""
        return next((verdict.status for verdict in self._verdicts if verdict.monitor == monitor), None)

    @property
    def quality_fell(self) -> bool:
        """Model quality, measured on labels, broke a limit."""
        return self.status_of("model_quality") == "VIOLATIONS"

    @property
    def wrong_values(self) -> int:
        return sum(self.checks[check] for check in _WRONG_VALUES)

    @property
    def drifted(self) -> bool:
        """Inputs (or predictions) are distributed otherwise than in the baseline."""
        return self.checks["baseline_drift_check"] > 0

    @property
    def waits(self) -> bool:
        return bool(self.statuses & {"LABELS_MISSING", "PROVISIONAL"})


Rule = tuple[Callable[[Seen], bool], Cause]

RULES: Final[tuple[Rule, ...]] = (
    (
        lambda seen: "JOB_FAILED" in seen.statuses,
        Cause(
            "infrastructure",
            "monitoring failed",
            "warning",
            "endpoint_owner",
            "Infrastructure: the job that judges windows failed. This says nothing about the model.",
            ("Read the job's log.", "Clear the failed task: the window is judged again, with the same result files."),
        ),
    ),
    (
        lambda seen: "CAPTURE_OFF" in seen.statuses,
        Cause(
            "capture_off",
            "data capture is off",
            "warning",
            "data_owner",
            "Data capture is switched off on the endpoint, usually by a deployment that did not carry it over. Nothing "
            "can be said about this traffic, now or later.",
            ("Run the endpoint's onboard DAG: it switches capture on as the endpoint's file declares it.",),
        ),
    ),
    (
        lambda seen: "CAPTURE_LAGGING" in seen.statuses,
        Cause(
            "capture_lagging",
            "captures come late",
            "warning",
            "endpoint_owner",
            "Infrastructure: captured objects arrive later than the endpoint's file allows for.",
            ("Clear the run later.", "If it happens again, raise `capture.settle_seconds`."),
        ),
    ),
    (
        lambda seen: seen.checks["missing_column_check"] > 0,
        Cause(
            "missing_columns",
            "columns are missing",
            "critical",
            "data_owner",
            "Columns that the model was trained on are no longer sent. A new model would not mend that.",
            (
                "Ask those who call the endpoint what they changed, and when.",
                "If the model's input changed on purpose, deploy a model for it and run the onboard DAG.",
            ),
        ),
    ),
    (
        lambda seen: (
            bool(seen.statuses & {"SCHEMA_CHANGED", "ENCODING_MIXED"}) or seen.checks["extra_column_check"] > 0
        ),
        Cause(
            "schema_break",
            "the schema broke",
            "critical",
            "data_owner",
            "Requests have other columns or another encoding than the baseline. A new model would not mend that.",
            (
                "Compare the window's statistics with the baseline's, column by column.",
                "Ask those who call the endpoint what they changed, and when.",
                "If the model's input changed on purpose, deploy a model for it and run the onboard DAG.",
            ),
        ),
    ),
    (
        lambda seen: seen.wrong_values > seen.checks["baseline_drift_check"],
        Cause(
            "wrong_values",
            "values are wrong",
            "warning",
            "data_owner",
            "Values are of the wrong type, missing, negative or unknown: usually a fault where the data come from, not "
            "a change in the world.",
            ("Look at the named columns in the captures.", "Ask those who deliver these columns what they changed."),
        ),
    ),
    (
        lambda seen: seen.quality_fell and seen.drifted,
        Cause(
            "covariate_drift",
            "inputs drifted and quality fell",
            "critical",
            "endpoint_owner",
            "Covariate drift: the inputs are distributed otherwise than in the baseline, and the model does worse on "
            "them.",
            (
                "Check that the drifted features are real: a change of units or of a form looks the same.",
                "Retrain on windows with the new inputs, once their labels are in.",
            ),
        ),
    ),
    (
        lambda seen: seen.quality_fell and seen.status_of("data_quality") == "OK",
        Cause(
            "concept_drift",
            "quality fell on unchanged inputs",
            "critical",
            "endpoint_owner",
            "Concept drift: inputs look as they did, but the model is right less often. What it learnt holds no more, "
            "or the labels are wrong.",
            ("Check a sample of the labels.", "Retrain on recent labelled windows."),
        ),
    ),
    (
        lambda seen: seen.quality_fell,
        Cause(
            "quality_fell",
            "quality fell",
            "critical",
            "endpoint_owner",
            "The model is right less often. Whether its inputs changed is not known: data quality gave no answer on "
            "this window.",
            ("Check a sample of the labels.", "Get a data-quality verdict on the same window, then judge the cause."),
        ),
    ),
    (
        lambda seen: seen.drifted,
        Cause(
            "covariate_drift",
            "inputs drifted",
            "warning",
            "endpoint_owner",
            "Covariate drift: the inputs are distributed otherwise than in the baseline. Whether the model does worse "
            "on them, labels will tell.",
            (
                "Check that the drifted features are real: a change of units or of a form looks the same.",
                "Look at model quality on this window when its labels are in.",
            ),
        ),
    ),
    (
        lambda seen: seen.checks["feature_attribution_drift_check"] > 0,
        Cause(
            "attribution_shift",
            "the model leans on other features",
            "warning",
            "endpoint_owner",
            "The order in which features matter to the model's answers has changed, though no single column moved "
            "beyond its limit: usually several moved together, a little each.",
            ("Look at the features whose share changed most.", "Look at model quality when labels are in."),
        ),
    ),
    (
        lambda seen: seen.checks["bias_drift_check"] > 0,
        Cause(
            "group_disparity",
            "groups are treated more differently",
            "warning",
            "endpoint_owner",
            "The model treats the groups of a facet more differently than in the baseline.",
            (
                "Read the bias report: which group, which metric, how many rows.",
                "Ask who may decide on this before retraining: a new model can make it worse.",
            ),
        ),
    ),
    (
        lambda seen: seen.waits,
        Cause(
            "label_delay",
            "labels are late",
            "warning",
            "label_owner",
            "Labels of this window are missing or incomplete, so nothing final can be said about quality or bias.",
            ("Deliver the labels; the labels DAG then judges the window again by itself.",),
        ),
    ),
    (
        lambda seen: "NO_BASELINE" in seen.statuses,
        Cause(
            "no_baseline",
            "there is no baseline",
            "warning",
            "endpoint_owner",
            "The model version that serves has no baseline to be held against.",
            ("Run the endpoint's onboard DAG.",),
        ),
    ),
    (
        lambda seen: bool(seen.statuses & {"NO_DATA", "TOO_FEW_ROWS"}),
        Cause(
            "little_traffic",
            "there is little traffic",
            "info",
            "endpoint_owner",
            "There were no requests, or too few to judge.",
            ("Nothing, if that is expected; otherwise look at the endpoint's Invocations metric.",),
        ),
    ),
)

NOTHING: Final = Cause(
    "none", "all is well", "info", "endpoint_owner", "No monitor found anything.", ("Nothing is to be done.",)
)
#: Violations that no rule knows, as a monitor of your own may find them.
UNKNOWN: Final = Cause(
    "unknown",
    "violations were found",
    "warning",
    "endpoint_owner",
    "No rule names a cause for these violations.",
    ("Read the window's report.",),
)


def likely_cause(verdicts: Iterable[Verdict]) -> Cause:
    """The cause that the first fitting rule names for the verdicts on one window."""
    seen = Seen(verdicts)
    for fits, cause in RULES:
        if fits(seen):
            return cause
    return UNKNOWN if "VIOLATIONS" in seen.statuses else NOTHING
