"""The endpoints of a run: what serves them, and their coming back after a restart."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
from typing import TYPE_CHECKING, Any

from pocketaws.faults import Fault
from pocketaws.hosting import invocation, progress
from pocketaws.hosting.deployment import Deployments, kept
from pocketaws.hosting.fleet import Routes
from pocketaws.hosting.server import ModelServer, NotHealthy
from pocketaws.hosting.shadow import Shadows
from pocketaws.hosting.spec import FleetSpec, resolve
from pocketaws.hosting.traffic import Plan
from pocketaws.hosting.update import UPDATE, Update
from pocketaws.store import now

if TYPE_CHECKING:
    from pocketaws.store import Record
    from pocketaws.world import World

WATCH_SECONDS = 1.0
# Longest time a request waits for an endpoint that is coming back after a restart.
RESTORE_SECONDS = 60.0
CUT_OFF = "The local AWS ended during the update; the endpoint serves its previous configuration."


class Hosting:
    """Serves the endpoints on record.

    Args:
        world: The local AWS.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._routes = Routes()
        self._shadows = Shadows()
        self._deployments = Deployments(world, self._routes)
        self._restored = threading.Event()
        self._closing = threading.Event()
        self._reviving: set[ModelServer] = set()

    @property
    def deployments(self) -> Deployments:
        """The deployments, once everything that was served before a restart is served again.

        An operation takes them before it changes a record: else the restart would deploy the change a second time.
        """
        self._restored.wait(RESTORE_SECONDS)
        return self._deployments

    def restore(self) -> None:
        """Serve every endpoint that was in service; returns once all are, or have failed."""
        # Left by a run that was killed; its processes are gone with it.
        shutil.rmtree(self._world.settings.home / "endpoints", ignore_errors=True)
        threads = [self._restore(record) for record in self._world.store.all("Endpoint")]
        for thread in filter(None, threads):
            thread.join()
        self._restored.set()
        threading.Thread(target=self._watch, name="model-servers", daemon=True).start()

    def close(self) -> None:
        """Finish the requests under way and stop all model servers."""
        self._closing.set()
        self._restored.set()
        self._shadows.close()
        self._deployments.close()

    def invoke(self, endpoint_name: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Answer an InvokeEndpoint request.

        Args:
            endpoint_name: From the request's path.
            body: As sent.
            headers: As sent, in any case.

        Returns:
            HTTP status, headers, body.

        Raises:
            Fault: ``ValidationError`` for an unknown endpoint or variant, ``ModelError`` for what the model refused.
        """
        if not self._restored.is_set() and self._world.store.find("Endpoint", endpoint_name) is not None:
            self._restored.wait(RESTORE_SECONDS)
        return invocation.invoke(self._world, self._routes, self._shadows, endpoint_name, body, headers)

    def servers(self) -> list[tuple[str, ModelServer]]:
        """Endpoint name and model server of everything that gets requests."""
        return [(fleet.endpoint, server) for fleet in self._routes.fleets() for server in fleet.servers.values()]

    def live(self, endpoint: str) -> FleetSpec | None:
        """What the endpoint serves; None when it has never been in service."""
        return kept(self._world, endpoint)

    def _restore(self, record: Record) -> threading.Thread | None:
        name, status = record["EndpointName"], record["EndpointStatus"]
        live = self.live(name)
        match status:
            case "Failed":
                return None
            case "Deleting":
                return self._deployments.retire(name)
            case "Creating":
                try:
                    return self._deployments.start(name, resolve(self._world, record["EndpointConfigName"]), Plan())
                except Fault as error:
                    self._world.store.update("Endpoint", name, EndpointStatus="Failed", FailureReason=error.message)
                    return None
        if live is None:
            raise RuntimeError(f"Endpoint {name} is {status}, but what it serves is not on record")
        update = Update.of(record) if status == "Updating" else None
        if update is not None:
            # As with AWS, nobody who waits for the update notices more than that it takes longer.
            begun = record.get("PendingDeploymentSummary", {}).get("StartTime", now())
            again = progress.pending(update.spec, begun, progress.CREATING, share=0.0)
            pending = None if update.reweighs else again
            self._whole(name, live, PendingDeploymentSummary=pending)
        elif status != "InService":
            reason = record.get("FailureReason", CUT_OFF) if status == "RollingBack" else CUT_OFF
            self._whole(
                name, live, EndpointStatus="InService", FailureReason=reason, PendingDeploymentSummary=None,
                **{UPDATE: None},
            )  # fmt: skip
        return self._deployments.restore(name, live, update)

    def _whole(self, name: str, live: FleetSpec, **changes: Any) -> None:
        """Record that what serves is whole: a rolling update is cut off with part of the instances replaced."""
        self._world.store.update("Endpoint", name, ProductionVariants=progress.serving(live), **changes)

    def _watch(self) -> None:
        """Start model servers again that have ended by themselves."""
        while not self._closing.wait(WATCH_SECONDS):
            for _, server in self.servers():
                if not server.alive and server not in self._reviving:
                    self._reviving.add(server)
                    threading.Thread(target=self._revive, args=(server,), daemon=True).start()

    def _revive(self, server: ModelServer) -> None:
        with contextlib.suppress(NotHealthy):
            server.revive()
        if not server.alive and not self._closing.is_set():
            print(f"pocketaws: the model server of {server.log_group}/{server.log_stream} ended", file=sys.stderr)
            self._closing.wait(WATCH_SECONDS * 5)
        self._reviving.discard(server)
