"""What can be done about an alarm."""

from __future__ import annotations

from typing import Literal

Action = Literal["notify", "scale", "rollback", "redeploy", "pause", "run_dag"]
