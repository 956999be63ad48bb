"""Airflow's environment first, before any test module imports Airflow."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import airflow_environment  # noqa: F401
