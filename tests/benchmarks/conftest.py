from __future__ import annotations

import sys
from pathlib import Path

# Benchmarks are programs beside the package: their folder is where Python looks when one is started.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
