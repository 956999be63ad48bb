"""Operators that change an endpoint, one at a time."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from airflow.sdk import Context
from airflow.sdk.exceptions import TaskDeferred

from endpointwatch.actions.lease import Answer, Holder
from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.layout import Layout
from endpointwatch_airflow.errors import EndpointError
from endpointwatch_airflow.hooks.lease import LeaseHook
from endpointwatch_airflow.operators.base import EndpointWatchOperator
from endpointwatch_airflow.triggers.endpoint import EndpointSettledTrigger
from endpointwatch_airflow.triggers.lease import LeaseTrigger

#: States in which a DAG run has no task left that could still hold anything.
ENDED: Final = frozenset({"success", "failed"})
#: XCom key under which a task leaves why it failed, for the record of its run.
FAILURE: Final = "failure"
#: What a holder may need beyond its waiting, for the work before and after.
SLACK_SECONDS: Final = 900.0


def run_has_ended(context: Context, holder: Holder) -> bool:
    """Whether Airflow says that the holder's DAG run has ended; False also when it cannot be asked."""
    try:
        state = context["ti"].get_dagrun_state(dag_id=holder.dag_id, run_id=holder.run_id)
    except Exception:  # noqa: BLE001 - a run that was deleted cannot be asked for; then the lease's expiry decides
        return False
    return str(getattr(state, "value", state)) in ENDED


class LeasedOperator(EndpointWatchOperator):
    """Base of the operators that change an endpoint: they hold its lease meanwhile, the others wait for their turn.

    Subclasses do their work in :meth:`change`, and after a deferral of their own in :meth:`changed`. The lease is kept
    while they are deferred, and given back when they end in whatever way. A task that was lost for good holds it until
    its DAG run has ended, or the lease expires.

    Args:
        endpoint: The endpoint to change.
        lease_delay: Seconds between two looks while another holds the lease.
        lease_look_seconds: How long to wait in the triggerer before asking whether the holder's run has ended.
        ended: Asks whether a holder's run has ended.
        clock: The time, with a time zone.
        kwargs: As :class:`EndpointWatchOperator` takes them.
    """

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        lease_delay: float = 5.0,
        lease_look_seconds: float = 60.0,
        ended: Callable[[Context, Holder], bool] = run_has_ended,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.endpoint = endpoint
        self.lease_delay = lease_delay
        self.lease_look_seconds = lease_look_seconds
        self.ended = ended
        self.clock = clock

    @abstractmethod
    def change(self, context: Context) -> Any:
        """Change the endpoint; may defer to :meth:`execute_complete`."""

    def changed(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on after a deferral."""
        raise NotImplementedError

    @cached_property
    def leases(self) -> LeaseHook:
        return LeaseHook(**self._hook_parameters)

    @property
    def lease_folder(self) -> str:
        return Layout.of(self.endpoint).lease()

    @property
    def lease_seconds(self) -> float:
        return self.waiter_delay * self.waiter_max_attempts + SLACK_SECONDS

    def execute(self, context: Context) -> Any:
        me = self.holder(context)
        self._in_turn(context, me)
        return self._holding(context, lambda: self.change(context))

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Go on with the change after having waited for its end."""
        return self._holding(context, lambda: self.changed(context, event or {}))

    def resume(self, context: Context, event: dict[str, Any] | None = None) -> Any:  # noqa: ARG002 - Airflow's signature
        """Look again for one's turn."""
        return self.execute(context)

    def wait_for_others(self) -> None:
        """Return once no update is under way; one that somebody without a lease has begun, as in the console.

        A deferral ends in :meth:`resume`, which begins :meth:`change` anew.
        """
        live = self.hook.endpoint(self.endpoint.name)
        if live is None or not live.changing:
            return
        self.log.info("Endpoint %s is %s by another; waiting for that", live.name, live.status)
        if self.deferrable:
            self.defer(
                trigger=EndpointSettledTrigger(endpoint_name=self.endpoint.name, **self.waiting), method_name="resume"
            )
        self.hook.wait_for_endpoint(self.endpoint.name, delay=self.waiter_delay, attempts=self.waiter_max_attempts)

    def holder(self, context: Context) -> Holder:
        """This task of this run."""
        ti = context["ti"]
        return Holder(dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id)

    def _in_turn(self, context: Context, me: Holder) -> None:
        """Return once the lease is held; defer, or wait here, until then."""
        patience = time.monotonic() + self.lease_seconds
        while not (answer := self._take(context, me)).free:
            self.log.info("Waiting to change endpoint %s: %s", self.endpoint.name, answer.why)
            if self.deferrable:
                self.defer(
                    trigger=LeaseTrigger(
                        folder=self.lease_folder,
                        holder=me.model_dump(),
                        delay=self.lease_delay,
                        look_seconds=self.lease_look_seconds,
                        **self.aws,
                    ),
                    method_name="resume",
                )
            if time.monotonic() > patience:
                self.leases.give_back(self.lease_folder, me)
                raise EndpointError(
                    f"Endpoint {self.endpoint.name!r} is being changed by another: {answer.why}. A retry waits again."
                )
            time.sleep(self.lease_delay)

    def _take(self, context: Context, me: Holder) -> Answer:
        """Take the lease; past holders and waiters whose runs have ended."""
        ended: set[Holder] = set()
        while True:
            now = self.clock()
            answer = self.leases.take(
                self.lease_folder, me, now=now, seconds=self.lease_seconds, ended=frozenset(ended)
            )
            if answer.free or answer.by is None or answer.by in ended or not self.ended(context, answer.by):
                return answer
            self.log.warning("The DAG run of %s has ended without giving the lease back: passed over", answer.by)
            ended.add(answer.by)

    def _holding(self, context: Context, work: Callable[[], Any]) -> Any:
        me = self.holder(context)
        try:
            result = work()
        except TaskDeferred:
            raise  # the change goes on, and so does the lease
        except BaseException as error:
            self.leases.give_back(self.lease_folder, me)
            context["ti"].xcom_push(key=FAILURE, value=str(error))
            raise
        self.leases.give_back(self.lease_folder, me)
        return result
