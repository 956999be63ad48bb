"""Whether a new version keeps its place: the first windows after a deployment, under stricter limits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from pydantic import BaseModel, ConfigDict

from endpointwatch.config.deployment import Probation
from endpointwatch.config.window import Window
from endpointwatch.reports.deployment import Deployment
from endpointwatch.reports.verdict import Verdict

#: Verdicts that say something about the model; the other statuses are reasons for no answer.
ANSWERS = frozenset({"OK", "VIOLATIONS"})


class Outcome(BaseModel):
    """Where a version's probation stands.

    Attributes:
        windows: Those that have been judged, oldest first.
        violated: Those of them that did not hold.
        evidence: What did not hold, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: Literal["passed", "pending", "failed"]
    model_version: str
    windows: tuple[Window, ...] = ()
    violated: tuple[Window, ...] = ()
    evidence: tuple[str, ...] = ()
    why: str


def probation(deployment: Deployment, verdicts: Iterable[Verdict], settings: Probation) -> Outcome:
    """Where the probation of a deployment stands.

    Only windows that began after the deployment count, and only the first ``settings.windows`` of them that have an
    answer: an hour without traffic proves nothing. A provisional verdict is no answer yet, but violations of other
    monitors in the same window count at once. A version that a rollback has brought back is on no probation: there it
    would only go to and fro.

    Args:
        deployment: The record of the version that serves.
        verdicts: Stored verdicts of the endpoint, in any order, of any windows and versions.
        settings: The YAML's ``deployment.probation``.
    """
    version = deployment.model_version
    if deployment.how == "rollback":
        return Outcome(
            status="passed", model_version=version, why=f"{version} was brought back; it is on no probation."
        )
    judged: dict[Window, list[Verdict]] = {}
    for verdict in verdicts:
        after = verdict.window.start >= deployment.in_service_from
        mine = verdict.model_version in (version, None)
        if after and mine and (not settings.monitors or verdict.monitor in settings.monitors):
            judged.setdefault(verdict.window, []).append(verdict)
    windows = [window for window in sorted(judged, key=_order) if _answered(judged[window])][: settings.windows]
    broken = {window: tuple(_broken(judged[window], settings)) for window in windows}
    violated = tuple(window for window in windows if broken[window])
    evidence = tuple(f"{window}: {text}" for window in violated for text in broken[window])
    told = f"{len(violated)} of the first {len(windows)} windows of {version} did not hold"
    waiting = [window for window in windows if any(verdict.status == "PROVISIONAL" for verdict in judged[window])]
    if len(violated) >= settings.violated:
        status: Literal["passed", "pending", "failed"] = "failed"
        why = f"{told}; {settings.violated} fail it."
    elif len(windows) < settings.windows or waiting:
        status = "pending"
        why = f"{told}; {settings.windows} windows decide, {len(windows) - len(waiting)} are through."
    else:
        status, why = "passed", f"{told}; {settings.violated} would have failed it."
    return Outcome(
        status=status, model_version=version, windows=tuple(windows), violated=violated, evidence=evidence, why=why
    )


def _order(window: Window) -> tuple[object, object]:
    return window.end, window.start


def _answered(verdicts: Iterable[Verdict]) -> bool:
    return any(verdict.status in ANSWERS or verdict.status == "PROVISIONAL" for verdict in verdicts)


def _broken(verdicts: Iterable[Verdict], settings: Probation) -> Iterator[str]:
    for verdict in sorted(verdicts, key=lambda verdict: verdict.monitor):
        if verdict.status == "VIOLATIONS":
            yield f"{verdict.monitor}: {len(verdict.violations)} violations"
        elif verdict.status == "OK":
            for distance in verdict.distances:
                # Of a p-value less is worse, and to be stricter means to be alarmed by a larger one.
                small = distance.method == "chi_squared_p_value"
                limit = distance.threshold / settings.tightening if small else distance.threshold * settings.tightening
                if distance.distance < limit if small else distance.distance > limit:
                    yield f"{verdict.monitor}: {distance}, on probation {limit:g}"
