"""How traffic of our own is told from that of users."""

from __future__ import annotations

#: Inference ids of requests that monitoring itself sends begin so; their captures are counted as skipped.
OWN_TRAFFIC = "endpointwatch-attribution/"
