"""How a run of the retrain DAG ended and why, as one file that outlives Airflow's own records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from endpointwatch.actions.comparison import Comparison
from endpointwatch.config.window import Window

Outcome = Literal["deployed", "champion_kept", "rejected", "expired", "stood_down", "failed", "unfinished"]
#: What Airflow calls a task that ended badly by itself; those behind it are ``upstream_failed``.
_FAILED = "failed"


class Happened(BaseModel):
    """What is known of a run when it has ended; what was not reached is None."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    states: dict[str, str | None] = Field(description="State of every task, in the order of the DAG.")
    stood_down: str | None = Field(None, description="Why the run was not admitted.")
    comparison: Comparison | None = None
    answer: dict[str, Any] | None = Field(None, description="What a person answered.")
    failures: dict[str, str] = Field(default_factory=dict, description="By task that failed: why, where it is known.")


class RetrainingRecord(BaseModel):
    """``<results>/<endpoint>/retrainings/<run>.json``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal["1"] = "1"
    endpoint: str
    run: str
    dag_run: str
    started_at: str | None = Field(None, description="When Airflow started the run.")
    outcome: Outcome
    reason: str
    failed_tasks: tuple[str, ...] = ()
    decision: str = ""
    asked_reason: str = Field("", description="Why it was asked for, in the words of the decision or the person.")
    windows: tuple[Window, ...] = ()
    champion: str | None = Field(None, description="The model version that served when the run began.")
    challenger: str | None = Field(None, description="The model version that was registered.")
    model_package_arn: str | None = None
    training_job: str | None = None
    training_seconds: int | None = Field(None, description="As SageMaker bills them, of all jobs of a tuning job.")
    dataset_manifest_uri: str | None = None
    comparison_uri: str | None = None
    approval: dict[str, Any] | None = None
    gain: float | None = None

    def to_json(self) -> str:
        """The file's exact text."""
        return self.model_dump_json(indent=2) + "\n"


def ended(happened: Happened) -> tuple[Outcome, str, tuple[str, ...]]:
    """How the run ended, why, and which tasks failed.

    What failed comes first: a run whose deployment failed has not deployed, whatever the comparison said.
    """
    failed = tuple(task for task, state in happened.states.items() if state == _FAILED)
    if failed:
        return "failed", _why_failed(failed, happened.failures), failed
    if happened.stood_down is not None:
        return "stood_down", happened.stood_down, ()
    comparison, answer = happened.comparison, happened.answer
    if comparison is not None and not comparison.promoted:
        return "champion_kept", comparison.reason, ()
    if answer is not None and not answer.get("approved"):
        said = f": {answer['comment']}" if answer.get("comment") else ""
        return ("expired" if answer.get("expired") else "rejected"), f"Rejected by {answer.get('by')}{said}.", ()
    if happened.states.get("deploy") == "success":
        return "deployed", comparison.reason if comparison else "The new version serves.", ()
    return "unfinished", f"No task failed, but the run did not come to its end: {_told(happened.states)}.", ()


def _why_failed(failed: Iterable[str], reasons: Mapping[str, str]) -> str:
    told = [f"{task}: {reasons[task]}" if task in reasons else f"{task} failed; its log says why" for task in failed]
    return (
        f"{'. '.join(text.rstrip('.') for text in told)}. What served before goes on serving unless `deploy` says so."
    )


def _told(states: Mapping[str, str | None]) -> str:
    return ", ".join(f"{task} {state or 'not run'}" for task, state in states.items())
