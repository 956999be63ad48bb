"""What monitors there are, in the order they run.

Apart from the package's ``__init__`` on purpose: whoever reads a verdict needs :mod:`endpointwatch.monitors.findings`,
and must not load every monitor's numerical libraries for it; each start of an Airflow task would pay for that.
"""

from __future__ import annotations

from endpointwatch.monitors import bias, data_quality

MONITORS = {monitor.NAME: monitor for monitor in (data_quality, bias)}
