"""The engine: what is true about an endpoint's traffic. It imports neither Airflow nor boto3.

Folders are the steps of the data's way, and imports run downhill:
``jobs | actions`` → ``reports | decisions`` → ``monitors | capture`` → ``states | metrics`` → ``config``.
"""

from __future__ import annotations

__version__ = "0.1.0"
