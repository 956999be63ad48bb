"""Imported by each of Airflow's components, which look for a module of this name before they begin.

The scheduler forks every task, and the DAG processor every parse of a file: what they have imported, their children
need not import. Libraries alone are imported here, as Airflow is not ready yet; the project's own modules follow before
the first fork, and again when they were edited.
"""

from __future__ import annotations

import sys

if {"scheduler", "dag-processor"} & set(sys.argv):
    import requests  # noqa: F401 - boto3 and these are a third of what a task needs before its first line
    import s3transfer.manager  # noqa: F401

    from onemachine import forking

    forking.prepare(services=forking.SERVICES if "scheduler" in sys.argv else ())
