"""What a job can run."""

from __future__ import annotations

from typing import cast

from endpointwatch.jobs.monitors import attribution, bias, data_quality
from endpointwatch.jobs.monitors.duty import MonitorJob

JOBS: dict[str, MonitorJob] = {job.NAME: cast(MonitorJob, job) for job in (data_quality, bias, attribution)}
