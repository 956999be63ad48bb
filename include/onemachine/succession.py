"""Telling Airflow that a component is dead before its successor starts.

A scheduler and a triggerer own tasks: those that one has queued or runs, those that the other waits for. Airflow hands
them on when the owner's last heartbeat is half a minute old, and looks for such tasks once when a scheduler starts and
then every five minutes; it cannot know sooner, on other machines the owner may only be slow. Here every process of the
component has been ended before, so its record is closed at once: the successor finds all that it has left.
"""

from __future__ import annotations

from collections.abc import Collection

from onemachine import postgres
from onemachine.credentials import Credentials
from onemachine.settings import Settings

#: The components' names in Airflow's table of jobs.
JOB_TYPES = {"scheduler": "SchedulerJob", "triggerer": "TriggererJob", "dag-processor": "DagProcessorJob"}
CLOSE = "UPDATE job SET state = 'failed', end_date = now() WHERE end_date IS NULL AND job_type = ANY(%s)"


def close_records(settings: Settings, credentials: Credentials, ended: Collection[str]) -> int:
    """Close the records of components no process of which is left.

    Args:
        settings: The stack.
        credentials: The database's password is among them.
        ended: Names of components.

    Returns:
        How many records were still open: none after an orderly end.
    """
    types = [JOB_TYPES[name] for name in ended if name in JOB_TYPES]
    if not types:
        return 0
    connection = postgres.connect(settings, credentials, postgres.DATABASE)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('public.job') IS NOT NULL")
            if not cursor.fetchone()[0]:
                return 0
            cursor.execute(CLOSE, (types,))
            return int(cursor.rowcount)
    finally:
        connection.close()
