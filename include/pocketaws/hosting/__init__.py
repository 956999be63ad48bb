"""Endpoints: real model servers behind SageMaker's endpoint operations and InvokeEndpoint."""

from __future__ import annotations

from pocketaws.hosting.service import Hosting

__all__ = ["Hosting"]
