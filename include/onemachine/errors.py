"""What can go wrong with the local stack.

::

    StackError                 anything below; its text is for the person who typed the command
    ├── NotSetUpError          an environment is missing: run `make setup`
    ├── PortInUseError         another process holds a port: move ours, or end the other
    ├── ComponentError         a component ended, or did not become ready in time: its log says why
    └── AirflowApiError        Airflow's REST API refused a request
"""

from __future__ import annotations


class StackError(RuntimeError):
    """The stack cannot do what was asked; the text says why and how to mend it."""


class NotSetUpError(StackError):
    """A virtual environment that a component runs in does not exist."""


class PortInUseError(StackError):
    """A port that a component must listen on belongs to another process."""


class ComponentError(StackError):
    """A component ended early or did not become ready."""


class AirflowApiError(StackError):
    """Airflow's REST API answered with an error.

    Attributes:
        status: The HTTP status code.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, status)
        self.message = message
        self.status = status

    def __str__(self) -> str:
        return self.message
