"""Errors of the adapter: what went wrong outside Airflow, and how to mend it."""

from __future__ import annotations

from airflow.sdk.exceptions import AirflowException, AirflowFailException


class JobError(AirflowException):
    """A SageMaker job ended without success, or did not end in time. A retry starts another one, or joins it again."""


class EndpointError(AirflowException):
    """An endpoint is not in the state that the next step needs. A retry looks again."""


class MissingResultError(AirflowException):
    """A job completed, but a file that it had to write is not there."""


class NotificationError(AirflowException):
    """A channel did not take a message. A retry sends it to those that have not had it."""


class NotRetriedError(AirflowFailException):
    """Something only a person can mend: the task fails at once, its retries are spared."""
