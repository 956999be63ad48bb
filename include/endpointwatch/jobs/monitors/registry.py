"""What a job can run."""

from __future__ import annotations

from typing import cast

from endpointwatch.jobs.monitors import attribution, bias, data_quality, model_quality
from endpointwatch.jobs.monitors.duty import MonitorJob

_MODULES = (data_quality, model_quality, bias, attribution)
JOBS: dict[str, MonitorJob] = {job.NAME: cast(MonitorJob, job) for job in _MODULES}
