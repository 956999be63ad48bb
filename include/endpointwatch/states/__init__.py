"""Summaries of rows that add up: the state of a day is the sum of the states of its hours."""

from __future__ import annotations

from endpointwatch.states.column import Column
from endpointwatch.states.distinct import Distinct
from endpointwatch.states.histogram import Histogram
from endpointwatch.states.kll import Kll
from endpointwatch.states.moments import Moments
from endpointwatch.states.survey import Survey
from endpointwatch.states.table import Table
from endpointwatch.states.types import InferredType, TypeCounts

__all__ = ["Column", "Distinct", "Histogram", "InferredType", "Kll", "Moments", "Survey", "Table", "TypeCounts"]
