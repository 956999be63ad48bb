"""What can be done about an alarm."""

from __future__ import annotations

from typing import Final, Literal

Action = Literal["notify", "scale", "rollback", "redeploy", "pause", "run_dag"]
Severity = Literal["info", "warning", "critical"]

#: What an alarm's ``actions`` may name. `rollback` and `redeploy` join with the DAGs that do them
#: (``<endpoint>__rollback``, ``<endpoint>__redeploy``), and with them the default alarms that would use them.
AVAILABLE: Final[frozenset[Action]] = frozenset({"notify", "scale", "pause", "run_dag"})
