"""Two small DAGs that tell whether Airflow itself works: they watch nothing."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime

from airflow.sdk import DAG, task
from airflow.timetables.interval import CronDataIntervalTimetable

with DAG("stack_probe", schedule=None, is_paused_upon_creation=False):

    @task
    def surroundings() -> dict[str, str]:
        logging.getLogger(__name__).info("a line in the task's log")
        names = ("AWS_ENDPOINT_URL", "ENDPOINTWATCH_ENDPOINTS_DIR", "AWS_PROFILE")
        return {name: os.environ[name] for name in names if name in os.environ}

    surroundings()

with DAG(
    "stack_probe_hourly",
    schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    is_paused_upon_creation=True,
):

    @task
    def window(data_interval_start: datetime | None = None) -> str:
        return str(data_interval_start)

    window()
