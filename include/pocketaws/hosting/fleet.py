"""Fleets and routes: which model server gets a request, and when a fleet has none left.

Taking a request's server and counting the request happen under one lock with changing the routes. So once the routes
have left a fleet no request can still come to it, and those that are there can be waited for.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pocketaws.hosting.server import ModelServer
from pocketaws.hosting.spec import FleetSpec, VariantSpec

if TYPE_CHECKING:
    from pocketaws.world import World


T = TypeVar("T")


class UnknownVariant(Exception):  # noqa: N818 - read as what it is
    """The fleet has no such variant."""


class Fleet:
    """The model servers of one endpoint under one configuration.

    Args:
        world: The local AWS.
        endpoint: Name of the endpoint.
        spec: What to run.
    """

    def __init__(self, world: World, endpoint: str, spec: FleetSpec) -> None:
        self.endpoint = endpoint
        self.spec = spec
        self.servers = {
            variant.name: ModelServer(world, endpoint, variant) for variant in (*spec.variants, *spec.shadows)
        }
        # While an update is under way its fleets' metrics are also kept apart.
        self.updating = False
        self._in_flight = 0
        self._idle = threading.Condition()

    def start(self) -> None:
        """Start all model servers at once and wait until all are healthy.

        Raises:
            NotHealthy: One is not; the others are left to :meth:`close`.
        """
        with ThreadPoolExecutor(len(self.servers), thread_name_prefix=f"start-{self.endpoint}") as pool:
            for started in [pool.submit(server.start) for server in self.servers.values()]:
                started.result()

    def reweigh(self, spec: FleetSpec) -> None:
        """Take over weights and instance counts."""
        self.spec = spec

    def choose(self, target: str | None) -> VariantSpec:
        """The variant that serves the next request: the one asked for, else by weight."""
        if target is not None:
            variant = self.spec.variant(target)
            if variant is None:
                raise UnknownVariant(target)
            return variant
        weights = [variant.weight for variant in self.spec.variants]
        return _weighted(self.spec.variants, weights if any(weights) else [1.0] * len(weights))

    def copied(self) -> VariantSpec | None:
        """The shadow variant that gets a copy of the next request; None when none does.

        The shadow's weight relative to the production variant's is the share of requests that are copied.
        """
        for shadow in self.spec.shadows:
            whole = self.spec.variants[0].weight
            # A sample, not a secret.
            if whole > 0 and random.random() < shadow.weight / whole:  # noqa: S311
                return shadow
        return None

    def enter(self) -> None:
        with self._idle:
            self._in_flight += 1

    def leave(self) -> None:
        with self._idle:
            self._in_flight -= 1
            self._idle.notify_all()

    def drain(self, timeout: float) -> bool:
        """Wait until no request is under way.

        Returns:
            False if there still was one after ``timeout`` seconds.
        """
        with self._idle:
            return self._idle.wait_for(lambda: self._in_flight == 0, timeout)

    def close(self) -> None:
        close_all(self.servers.values())


def close_all(servers: Iterable[ModelServer]) -> None:
    """Stop model servers, all at once."""
    listed = list(servers)
    if listed:
        with ThreadPoolExecutor(len(listed), thread_name_prefix="close") as pool:
            list(pool.map(ModelServer.close, listed))


@dataclass(frozen=True, slots=True)
class Taken:
    """A request's way: the fleet it is counted in, the variant and its model server."""

    fleet: Fleet
    variant: VariantSpec
    server: ModelServer


class Routes:
    """Endpoint name → fleets with their shares of the traffic."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shares: dict[str, tuple[tuple[Fleet, float], ...]] = {}

    def set(self, endpoint: str, *shares: tuple[Fleet, float]) -> None:
        """Send the endpoint's requests to these fleets from now on, shares relative to one another."""
        with self._lock:
            self._shares[endpoint] = tuple((fleet, share) for fleet, share in shares if share > 0)

    def drop(self, endpoint: str) -> None:
        """Send the endpoint's requests nowhere."""
        with self._lock:
            self._shares.pop(endpoint, None)

    def fleets(self, endpoint: str | None = None) -> list[Fleet]:
        """The fleets that get requests, of one endpoint or of all."""
        with self._lock:
            chosen = self._shares.values() if endpoint is None else [self._shares.get(endpoint, ())]
            return [fleet for shares in chosen for fleet, _ in shares]

    def shares(self, endpoint: str) -> tuple[tuple[Fleet, float], ...]:
        """The endpoint's fleets and their shares."""
        with self._lock:
            return self._shares.get(endpoint, ())

    @contextlib.contextmanager
    def take(self, endpoint: str, target: str | None) -> Iterator[Taken | None]:
        """A model server for one request, which counts as under way until the context ends; None: nothing is served.

        Raises:
            UnknownVariant: The fleet has no variant ``target``.
        """
        with self._lock:
            shares = self._shares.get(endpoint, ())
            if not shares:
                taken = None
            else:
                fleet = _weighted([fleet for fleet, _ in shares], [share for _, share in shares])
                variant = fleet.choose(target)
                fleet.enter()
                taken = Taken(fleet, variant, fleet.servers[variant.name])
        try:
            yield taken
        finally:
            if taken is not None:
                taken.fleet.leave()


def _weighted(items: Sequence[T], weights: Sequence[float]) -> T:
    # Which server gets a request is no secret.
    return items[0] if len(items) == 1 else random.choices(items, weights)[0]  # noqa: S311
