"""The name under which Airflow's components note where a task ran."""

from __future__ import annotations


def loopback() -> str:
    """This machine, by a name that always resolves (``[core] hostname_callable``)."""
    return "127.0.0.1"
