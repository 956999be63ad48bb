"""Imported by each of Airflow's components, which look for a module of this name before they begin.

The scheduler forks every task, and the DAG processor every parse of a file: what they have imported, their children
need not import. Libraries alone stand here: the project's own modules may be edited while the stack runs.
"""

from __future__ import annotations

import sys

if {"scheduler", "dag-processor"} & set(sys.argv):
    import boto3  # noqa: F401 - a third of what a task needs before its first line
    import requests  # noqa: F401
    import s3transfer.manager  # noqa: F401
