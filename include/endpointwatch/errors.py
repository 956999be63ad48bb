"""Every error this package raises on purpose.

::

    EndpointWatchError
    ├── ConfigError        a YAML file is wrong                        retrying does not help
    ├── WindowError        a window is impossible or cannot be found   retrying does not help
    ├── CaptureError       captured data cannot be read at all         retrying does not help
    ├── BaselineError      a baseline is missing or unreadable         after onboarding again
    ├── PlanError          a job's plan or environment is wrong        retrying does not help
    ├── DeploymentError    no version to deploy or to go back to       retrying does not help
    ├── DatasetError       too few labelled rows to train or judge on  once more labels are in
    └── ModelError         a model cannot be loaded, asked, explained  retrying does not help
        └── BudgetError    an endpoint was asked as often as allowed   with a larger budget, or when it throttles less

Each message says what is wrong, where, and how to mend it; ``args`` stays one string, so errors pickle.
"""

from __future__ import annotations


class EndpointWatchError(Exception):
    """Base of all errors raised on purpose by the engine."""


class ConfigError(EndpointWatchError):
    """An endpoint's YAML file does not say what the models in :mod:`endpointwatch.config` ask for."""


class WindowError(EndpointWatchError):
    """A window is empty, has no time zone, or cannot be told from the run."""


class CaptureError(EndpointWatchError):
    """Captured data cannot be read at all. Single malformed records never raise: they are set aside and counted."""


class BaselineError(EndpointWatchError):
    """A baseline is missing or cannot be read."""


class PlanError(EndpointWatchError):
    """A job was started with a plan or an environment it cannot follow."""


class DeploymentError(EndpointWatchError):
    """A version that was asked for is not on record, or there is none to go back to."""


class DatasetError(EndpointWatchError):
    """A data set to train or judge on cannot be built from what there is."""


class ModelError(EndpointWatchError):
    """A model artefact cannot be loaded, a model does not answer, or its answers cannot be explained."""


class BudgetError(ModelError):
    """A live endpoint may not be asked any more, or throttles: what was explained so far stands."""
