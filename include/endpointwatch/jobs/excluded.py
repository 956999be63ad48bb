"""``exclude_features_attribute``: the columns that an analysis leaves out."""

from __future__ import annotations

from endpointwatch.errors import PlanError
from endpointwatch.states import Table

KEY = "exclude_features_attribute"


def excluded(told: str, state: Table) -> tuple[str, ...]:
    """The columns that ``told`` names: their names, or their places from 0, with commas between.

    Raises:
        PlanError: There is no such column.
    """
    asked = [part.strip() for part in told.split(",") if part.strip()]
    places = {str(place): name for place, name in enumerate(state.names)}
    if unknown := [name for name in asked if name not in state.names and name not in places]:
        raise PlanError(f"{KEY} has {unknown}, but the columns are {', '.join(state.names)} (places count from 0).")
    return tuple(name if name in state.names else places[name] for name in asked)


def without(state: Table, columns: tuple[str, ...], learnt: tuple[str, ...]) -> Table:
    """The state without ``columns``; ``learnt`` names the others by position where no name is known and they fit."""
    kept = state.selected(tuple(name for name in state.names if name not in columns))
    if len(kept.names) == len(learnt) and not set(kept.names) & set(learnt):
        return kept.renamed(learnt)
    return kept
