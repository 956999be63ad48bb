"""What a job can run, in the order it runs it."""

from __future__ import annotations

from typing import cast

from endpointwatch.jobs.monitors import data_quality, model_quality
from endpointwatch.jobs.monitors.duty import MonitorJob

JOBS: dict[str, MonitorJob] = {job.NAME: cast(MonitorJob, job) for job in (data_quality, model_quality)}
