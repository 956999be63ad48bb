"""What all benchmarks share: one process measured at a time, peers in environments of their own, figures kept."""

from __future__ import annotations
