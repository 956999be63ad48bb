"""Job names that follow from what a task is about, so that a retry finds its job instead of starting another one."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from airflow.sdk import Context

MAXIMUM_LENGTH: Final = 63
DIGEST_LENGTH: Final = 12


def task_life(context: Context) -> tuple[str, ...]:
    """What stays the same for all tries of a task and changes when somebody asks for it again.

    Airflow keeps the run id when a task is cleared or a run is reprocessed by a backfill, but a clear raises the task
    instance's ``max_tries`` to "tries so far + retries", which a retry never does; so the difference to ``retries``
    counts the tries that earlier lives have used up. The run's start sets apart a run that was deleted and created
    anew under the same id.
    """
    instance, run = context["ti"], context["dag_run"]
    used_up = max(0, int(getattr(instance, "max_tries", 0) or 0) - int(context["task"].retries or 0))
    return (
        instance.dag_id,
        instance.run_id,
        instance.task_id,
        str(instance.map_index),
        run.start_date.isoformat() if run.start_date else "",
        str(used_up),
    )


def job_name(
    endpoint: str,
    work: str,
    subject: str,
    identity: tuple[str, ...],
    *,
    attempt: int = 1,
    length: int = MAXIMUM_LENGTH,
) -> str:
    """A name for a SageMaker job: readable in front, unique behind.

    Args:
        endpoint: Name of the endpoint; cut first when the name would be too long.
        work: What the job does, in a word: ``monitor``, ``baseline``, ``train``.
        subject: What it does it to: the window's stamp, a model version.
        identity: Everything that makes this job another one than the next.
        attempt: Counts the jobs of the same task's life; above 1 only after one failed or was stopped.
        length: Characters that SageMaker allows this kind of job.

    Returns:
        At most ``length`` characters of ``[a-zA-Z0-9-]``, as SageMaker asks for.
    """
    content = "\n".join((endpoint, work, subject, *identity))
    digest = hashlib.sha256(content.encode()).hexdigest()[:DIGEST_LENGTH]
    ending = f"-{digest}" + (f"-{attempt}" if attempt > 1 else "")
    # Of a short name the subject goes first, down to nothing: it is only there to be read.
    room = min(20, max(0, length - len(work) - len(ending) - 3))
    tail = f"{work}-{_plain(subject)[:room].rstrip('-')}".rstrip("-") + ending
    return f"{_plain(endpoint)[: max(1, length - len(tail) - 1)].rstrip('-')}-{tail}"


def _plain(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9]+", "-", text).strip("-") or "x"
