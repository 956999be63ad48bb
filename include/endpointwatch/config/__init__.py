"""Endpoints as their YAML files declare them, windows, and where results lie."""

from __future__ import annotations

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch.config.window import Window

__all__ = ["Endpoint", "Layout", "Window"]
