"""Shows what is wrong with endpoint files: an Airflow import error of this file, which holds no DAG of its own.

Airflow drops every DAG of a file that raises. So the other files pass over a wrong endpoint and build the rest, and
this one alone complains.
"""

from __future__ import annotations

from endpointwatch_airflow.endpoints import require_all

require_all()
