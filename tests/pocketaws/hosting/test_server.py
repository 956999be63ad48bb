"""A model server is given its startup time and no more."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from pocketaws.hosting import server as module
from pocketaws.hosting.server import ModelServer, NotHealthy
from pocketaws.hosting.spec import VariantSpec


class Silent:
    """A container that runs and never listens."""

    pid = 1
    alive = True
    stopped = 0

    def stop(self, _: float) -> int:
        self.stopped += 1
        return 0


@pytest.fixture
def silent(monkeypatch) -> Silent:
    container = Silent()
    monkeypatch.setattr(module, "launch", lambda *_, **__: container)
    return container


def test_a_container_that_never_answers_ping_is_given_up_after_its_startup_time(tmp_path, silent):
    world = SimpleNamespace(settings=SimpleNamespace(home=tmp_path))
    server = ModelServer(world, "ep", VariantSpec("AllTraffic", "image", startup_seconds=0.4))
    began = time.monotonic()
    with pytest.raises(NotHealthy, match="variant AllTraffic did not pass the ping health check"):
        server.start()
    assert 0.4 <= time.monotonic() - began < 3


def test_a_server_that_is_closed_is_stopped_once_and_leaves_no_files(tmp_path, silent):
    world = SimpleNamespace(settings=SimpleNamespace(home=tmp_path))
    server = ModelServer(world, "ep", VariantSpec("v", "image", startup_seconds=0.1))
    with pytest.raises(NotHealthy):
        server.start()
    assert server.root.exists()
    server.close()
    server.close()
    assert (silent.stopped, server.root.exists()) == (1, False)
    with pytest.raises(NotHealthy, match="shut down"):
        server.launch()
