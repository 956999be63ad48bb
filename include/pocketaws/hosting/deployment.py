"""Bringing an endpoint to a new fleet, blue/green: the old one serves until the new one has shown that it can."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pocketaws import events, tags
from pocketaws.hosting import progress
from pocketaws.hosting.fleet import Fleet, Routes
from pocketaws.hosting.server import REQUEST_SECONDS, NotHealthy
from pocketaws.hosting.spec import FleetSpec
from pocketaws.hosting.traffic import Plan, plan
from pocketaws.hosting.update import UPDATE, Update

if TYPE_CHECKING:
    from pocketaws.store import Record
    from pocketaws.world import World

ALARM_POLL_SECONDS = 0.5
# A closing local AWS does not wait for slow requests as long as a deployment does.
CLOSE_DRAIN_SECONDS = 2.0
# Records of this kind hold what an endpoint serves, for the time after a restart.
LIVE = "EndpointFleet"


class RolledBack(Exception):  # noqa: N818 - read as what happened
    """The deployment is given up though the new fleet is healthy; the text is the endpoint's FailureReason."""


class Interrupted(Exception):  # noqa: N818 - as above
    """The local AWS is closing."""


class Deployments:
    """Runs deployments, each in a thread of its own.

    Args:
        world: The local AWS.
        routes: Where requests go; changed here only.
    """

    def __init__(self, world: World, routes: Routes) -> None:
        self._world = world
        self._routes = routes
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._fleets: set[Fleet] = set()

    def start(self, endpoint: str, spec: FleetSpec, plan: Plan) -> threading.Thread:
        """Deploy in the background; the endpoint's record already says Creating or Updating."""
        return self._spawn(f"deploy-{endpoint}", lambda: self._deploy(endpoint, spec, plan))

    def restore(self, endpoint: str, spec: FleetSpec, update: Update | None = None) -> threading.Thread:
        """Serve again, in the background, what was served before the local AWS ended; then begin ``update`` anew."""
        return self._spawn(f"restore-{endpoint}", lambda: self._restore(endpoint, spec, update))

    def reweigh(self, endpoint: str, spec: FleetSpec) -> threading.Thread:
        """Change weights and instance counts of the fleet that serves; the record already says Updating."""
        return self._spawn(f"reweigh-{endpoint}", lambda: self._reweigh(endpoint, spec))

    def retire(self, endpoint: str) -> threading.Thread:
        """Stop serving, in the background: requests under way are finished, then the records go."""
        return self._spawn(f"delete-{endpoint}", lambda: self._retire(endpoint))

    def close(self) -> None:
        """End deployments where they are, finish the requests under way, stop every model server."""
        self._closing.set()
        with self._lock:
            fleets, threads = list(self._fleets), list(self._threads)
        for fleet in fleets:
            self._routes.drop(fleet.endpoint)
        for fleet in fleets:
            fleet.drain(CLOSE_DRAIN_SECONDS)
            fleet.close()
        for thread in threads:
            thread.join(5)

    def _deploy(self, endpoint: str, spec: FleetSpec, plan: Plan) -> None:
        blue = self._routes.fleets(endpoint)
        green = self._fleet(endpoint, spec)
        for fleet in (green, *blue):
            fleet.updating = bool(blue)
        try:
            green.start()
            self._shift(green, blue, plan)
        except NotHealthy as error:
            self._give_up(green, blue, str(error))
        except RolledBack as error:
            # From here on a restart of the local AWS goes back as well.
            self._status(endpoint, "RollingBack", FailureReason=str(error)[:1024], **{UPDATE: None})
            self._shift_back(green, blue, plan)
            self._give_up(green, blue, str(error))
        except Interrupted:
            raise
        except Exception as error:
            self._give_up(green, blue, f"InternalFailure: {error!r}")
            raise
        else:
            self._routes.set(endpoint, (green, 1.0))
            self._serving(endpoint, green.spec)
            self._stop(blue)
        finally:
            for fleet in (green, *blue):
                fleet.updating = False

    def _shift(self, green: Fleet, blue: list[Fleet], plan: Plan) -> None:
        """Walk the plan's steps; a first deployment has nothing to shift from."""
        if not blue:
            return
        (old,) = blue
        end = time.monotonic() + plan.timeout if plan.timeout else None
        for step in plan.steps:
            self._progress(green, old, progress.ACTIVATING, step.share, plan)
            self._routes.set(green.endpoint, (green, step.share), (old, 1 - step.share))
            self._progress(green, old, progress.BAKING, step.share, plan)
            self._bake(step.seconds, plan, end)

    def _shift_back(self, green: Fleet, blue: list[Fleet], plan: Plan) -> None:
        (old,) = blue
        shares = dict(self._routes.shares(green.endpoint))
        for share in plan.way_back:
            # From wherever the update had come to: the way back never gives the new fleet more.
            if share < shares.get(green, 0.0):
                self._routes.set(green.endpoint, (green, share), (old, 1 - share))
                self._progress(green, old, progress.DELETING, share, plan)

    def _progress(self, green: Fleet, old: Fleet, status: str, share: float, plan: Plan) -> None:
        """Record how far the update has come; no event, as the endpoint's status is the same."""
        begun = self._world.store.get("Endpoint", green.endpoint)["PendingDeploymentSummary"]["StartTime"]
        there, left = (share, 1 - share) if plan.rolling else (1.0, 1.0)
        self._world.store.update(
            "Endpoint",
            green.endpoint,
            PendingDeploymentSummary=progress.pending(green.spec, begun, status, share=there),
            ProductionVariants=progress.serving(old.spec, share=left),
        )

    def _bake(self, seconds: float, plan: Plan, end: float | None) -> None:
        until = time.monotonic() + seconds
        while True:
            if self._closing.is_set():
                raise Interrupted
            if fired := self._fired(plan.alarms):
                raise RolledBack(
                    f"The deployment was rolled back because these CloudWatch alarms are in ALARM: {', '.join(fired)}"
                )
            if end is not None and time.monotonic() > end:
                raise RolledBack("The deployment took longer than its MaximumExecutionTimeoutInSeconds")
            left = until - time.monotonic()
            if left <= 0:
                return
            self._closing.wait(min(left, ALARM_POLL_SECONDS))

    def _fired(self, alarms: tuple[str, ...]) -> list[str]:
        if not alarms:
            return []
        answer = self._world.aws("cloudwatch").describe_alarms(
            AlarmNames=list(alarms), AlarmTypes=["MetricAlarm", "CompositeAlarm"], StateValue="ALARM"
        )
        return [alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in answer.get(kind, [])]

    def _give_up(self, green: Fleet, blue: list[Fleet], reason: str) -> None:
        endpoint = green.endpoint
        if self._closing.is_set():
            # The model servers were stopped under it; the record keeps its status for the next start.
            raise Interrupted
        changes: dict[str, Any] = {"FailureReason": reason[:1024], "PendingDeploymentSummary": None, UPDATE: None}
        if blue:
            self._routes.set(endpoint, (blue[0], 1.0))
            changes["ProductionVariants"] = progress.serving(blue[0].spec)
        self._stop([green])
        # An update that failed leaves the endpoint in service as it was, with the reason on record.
        self._status(endpoint, "InService" if blue else "Failed", **changes)

    def _restore(self, endpoint: str, spec: FleetSpec, update: Update | None) -> None:
        fleet = self._fleet(endpoint, spec)
        try:
            fleet.start()
        except NotHealthy as error:
            if self._closing.is_set():
                raise Interrupted from error
            self._stop([fleet])
            self._status(endpoint, "Failed", FailureReason=str(error)[:1024], **{UPDATE: None})
            return
        self._routes.set(endpoint, (fleet, 1.0))
        if update and update.reweighs:
            self._reweigh(endpoint, update.spec)
        elif update:
            self.start(endpoint, update.spec, plan(update.config, update.spec.instances))

    def _reweigh(self, endpoint: str, spec: FleetSpec) -> None:
        for fleet in self._routes.fleets(endpoint):
            fleet.reweigh(spec)
        self._serving(endpoint, spec)

    def _retire(self, endpoint: str) -> None:
        fleets = self._routes.fleets(endpoint)
        self._routes.drop(endpoint)
        self._stop(fleets)
        record = self._world.store.get("Endpoint", endpoint)
        tags.forget(self._world, record["EndpointArn"])
        if self._world.store.find(LIVE, endpoint) is not None:
            self._world.store.delete(LIVE, endpoint)
        self._world.store.delete("Endpoint", endpoint)

    def _serving(self, endpoint: str, spec: FleetSpec) -> None:
        """Record that the endpoint is in service with this specification."""
        keep(self._world, endpoint, spec)
        self._status(
            endpoint,
            "InService",
            EndpointConfigName=spec.config_name,
            ProductionVariants=progress.serving(spec),
            ShadowProductionVariants=progress.shadowing(spec),
            DataCaptureConfig=capture_summary(spec.capture),
            FailureReason=None,
            PendingDeploymentSummary=None,
            **{UPDATE: None},
        )

    def _status(self, endpoint: str, status: str, **changes: Any) -> None:
        record = self._world.store.update("Endpoint", endpoint, EndpointStatus=status, **changes)
        events.state_changed(self._world, "Endpoint", record)

    def _fleet(self, endpoint: str, spec: FleetSpec) -> Fleet:
        fleet = Fleet(self._world, endpoint, spec)
        with self._lock:
            closing = self._closing.is_set()
            if not closing:
                self._fleets.add(fleet)
        if closing:
            fleet.close()
            raise Interrupted
        return fleet

    def _stop(self, fleets: list[Fleet]) -> None:
        for fleet in fleets:
            # The longest a request can be under way; nothing new comes to a fleet without a route.
            fleet.drain(REQUEST_SECONDS)
            fleet.close()
            with self._lock:
                self._fleets.discard(fleet)

    def _spawn(self, name: str, work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                with contextlib.suppress(Interrupted):
                    work()
            except Exception:  # noqa: BLE001 - a thread has nobody above it to tell
                traceback.print_exc(file=sys.stderr)
            finally:
                with self._lock:
                    self._threads.discard(threading.current_thread())

        thread = threading.Thread(target=run, name=name, daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()
        return thread


def keep(world: World, endpoint: str, spec: FleetSpec) -> None:
    """Record what the endpoint serves, so that it can be served again."""
    if world.store.find(LIVE, endpoint) is None:
        world.store.create(LIVE, endpoint, spec.record())
    else:
        world.store.update(LIVE, endpoint, **spec.record())


def kept(world: World, endpoint: str) -> FleetSpec | None:
    """What the endpoint serves by the record; None when it has never been in service."""
    record = world.store.find(LIVE, endpoint)
    return None if record is None else FleetSpec.of(record)


def capture_summary(capture: dict[str, Any] | None) -> Record | None:
    """DataCaptureConfig as DescribeEndpoint sums it up; None when there is none."""
    if capture is None:
        return None
    enabled = bool(capture.get("EnableCapture", True))
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": capture.get("KmsKeyId", ""),
    }
