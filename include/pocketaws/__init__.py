"""pocketaws: an AWS for one machine, in which SageMaker really runs things.

``python -m pocketaws --help`` says how to start it. It is reached over HTTP only and imported by nothing outside.
"""

from __future__ import annotations

__version__ = "0.1.0"
