from __future__ import annotations

from hypothesis import settings

# How long an example takes says something about the machine's other work, not about the code.
settings.register_profile("endpointwatch", deadline=None)
settings.load_profile("endpointwatch")
