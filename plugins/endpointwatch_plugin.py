"""EndpointWatch's Airflow plugin.

Every Airflow component imports this file at its start, so it imports nothing of the package that it announces. Links of
operators need no registration: they are kept with the task when it ends.
"""

from __future__ import annotations

from airflow.plugins_manager import AirflowPlugin


class EndpointWatchPlugin(AirflowPlugin):
    """Announces the package under *Admin → Plugins*; user interface and listeners join here."""

    name = "endpointwatch"
