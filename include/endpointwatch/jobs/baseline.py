"""Learn every monitor's baseline."""

from __future__ import annotations

import hashlib
import logging

from endpointwatch import __version__
from endpointwatch.jobs.container import Container
from endpointwatch.jobs.monitor import declared, needs_labels
from endpointwatch.jobs.monitors.duty import Lesson
from endpointwatch.jobs.monitors.registry import JOBS
from endpointwatch.jobs.plan import BaselinePlan
from endpointwatch.reports import files

_log = logging.getLogger(__name__)


def run(plan: BaselinePlan, container: Container) -> None:
    """Write every monitor's baseline, and ``baseline.json`` beside it: what it is, from where and for which model.

    Raises:
        PlanError: The plan names a monitor that is not declared.
        CaptureError: The data set cannot be read.
        BaselineError: It has no rows, or rows of another width than its header.
    """
    for name in plan.monitors:
        lesson = Lesson(plan, declared(plan.endpoint, name), container, labelled=needs_labels(name))
        learnt = JOBS[name].learn(lesson)
        identity = hashlib.sha256()
        for file in learnt.files:
            identity.update((lesson.folder / file).read_bytes())
        about = {
            "version": "1",
            "id": identity.hexdigest(),
            "endpoint": plan.endpoint.name,
            "monitor": name,
            "model_version": plan.model_version,
            "dataset_uri": lesson.dataset_uri,
            "learned_at": plan.learned_at,
            "rows": learnt.rows.model_dump(),
            "columns": list(learnt.columns),
            "analyzer_version": __version__,
        }
        files.write_text(lesson.folder / files.BASELINE, files.json_text(about))
        _log.info("%s: baseline over %d rows and %d columns", name, learnt.rows.analysed, len(learnt.columns))
