"""Whether the columns that an endpoint's file names are there."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

from endpointwatch.config.data_quality import DataQuality
from endpointwatch.errors import ConfigError


def require_known(settings: DataQuality, available: Collection[str], *, endpoint: str, source: str) -> None:
    """See that every column that the monitor's settings name is one of ``available``.

    Args:
        settings: The monitor's.
        available: The columns there are.
        endpoint: The endpoint's name, for the message.
        source: Where the columns come from, for the message.

    Raises:
        ConfigError: At least one is not there; the text holds every one with its key and the nearest column.
    """
    faults = [
        f"monitors.{settings.kind}.{key}: there is no column {name!r}.{_nearest(name, available)}"
        for key, name in settings.named_columns()
        if name not in available
    ]
    if faults:
        raise ConfigError(
            f"The YAML file of endpoint {endpoint!r}: {' '.join(faults)} The columns of {source} are "
            f"{', '.join(sorted(available))}. Correct the name, or baseline again if the model's input changed."
        )


def _nearest(name: str, available: Collection[str]) -> str:
    near = get_close_matches(name, available, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
