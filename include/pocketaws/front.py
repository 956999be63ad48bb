"""The HTTP side: one process, one URL.

Requests signed for ``sagemaker`` are answered here; all others go to the base emulator's own ASGI application
(ministack), which serves S3, CloudWatch, Logs, SNS, SQS, EventBridge, IAM, STS and more.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import os
import re
import resource
import signal
import socket
import sys
import threading
import traceback
import urllib.parse
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

# The modules of operations register them by being imported; jobs and endpoints come with the world.
from pocketaws import __version__, api, endpoint_configs, models, registry, tags  # noqa: F401
from pocketaws.faults import Fault, not_emulated
from pocketaws.hosting import operations as _endpoints  # noqa: F401
from pocketaws.settings import Settings
from pocketaws.world import World

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

HEALTH = "/_pocketaws/health"
INVOCATIONS = re.compile(r"/endpoints/([^/]+)/invocations")
# hypercorn keeps a socket that the client has closed until this timeout; a long one exhausts the descriptors.
KEEP_ALIVE_SECONDS = 15
WORKERS = 64


class PortInUse(Exception):  # noqa: N818 - printed to the user, with the remedy
    """Somebody else listens on the port."""


def prepare_environment(settings: Settings) -> None:
    """Set what the base emulator reads when imported, and keep the user's own AWS settings out of this process."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        os.environ.pop(name, None)
    os.environ.update(
        settings.client_environment,
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        NO_PROXY="127.0.0.1,localhost",
        GATEWAY_PORT=str(settings.port),
        MINISTACK_ACCOUNT_ID=settings.account,
        MINISTACK_REGION=settings.region,
        PERSIST_STATE="1",
        S3_PERSIST="1",
        STATE_DIR=str(settings.home / "state"),
        S3_DATA_DIR=str(settings.home / "s3"),
        LOG_LEVEL="ERROR",
        # Listeners of their own (SFTP, MQTT) and a Docker engine that is none of our business.
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",
        DOCKER_HOST="unix:///nonexistent/docker.sock",
    )


def listen(settings: Settings) -> socket.socket:
    """The listening socket.

    Raises:
        PortInUse: The port is taken.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise PortInUse(
            f"Port {settings.port} on {settings.host} cannot be used ({error.strerror}). Stop what listens there, or "
            "choose another with --port or POCKETAWS_PORT (in this project: ENDPOINTWATCH_AWS_PORT)."
        ) from error
    listener.listen(512)
    return listener


class Front:
    """The ASGI application.

    Args:
        world: The local AWS.
        base: The base emulator's application.
    """

    def __init__(self, world: World, base: App) -> None:
        self.world = world
        self.ready = asyncio.Event()
        self._base = base
        self._pool = concurrent.futures.ThreadPoolExecutor(WORKERS, thread_name_prefix="sagemaker")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One connection's worth of ASGI."""
        if scope["type"] != "http":
            await self._base(scope, receive, send)
            return
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope.get("headers", [])}
        if scope["path"].startswith("/_pocketaws/"):
            await _respond(send, self._own(scope["path"]))
        elif is_for_sagemaker(headers, scope.get("query_string", b"")):
            body = await _body(receive)
            # What is asked while endpoints are being restored waits instead of failing.
            await self.ready.wait()
            loop = asyncio.get_running_loop()
            await _respond(send, await loop.run_in_executor(self._pool, self._answer, scope, headers, body))
        elif "/application-autoscaling/aws4_request" in headers.get("authorization", ""):
            # The base answers 500, which clients take for a passing fault and ask again for half a minute.
            await _respond(send, api.error(not_emulated("Application Auto Scaling")))
        else:
            await self._base(scope, receive, send)

    def _own(self, path: str) -> api.Answer:
        if path != HEALTH:
            return 404, {"content-type": "application/json"}, b'{"message": "There is only /_pocketaws/health"}'
        ready = self.ready.is_set()
        content = {
            "status": "ready" if ready else "starting",
            "isolation": self.world.isolation.way,
            "version": __version__,
        }
        return 200 if ready else 503, {"content-type": "application/json"}, json.dumps(content).encode()

    def _answer(self, scope: Message, headers: dict[str, str], body: bytes) -> api.Answer:
        path, method = scope["path"], scope["method"]
        invocation = INVOCATIONS.fullmatch(path)
        try:
            if invocation and method == "POST":
                name = urllib.parse.unquote(invocation[1])
                return self.world.hosting.invoke(name, body, headers)
            if "x-amz-target" not in headers:
                return api.error(not_emulated(f"{method} {path}"))
            return api.call(self.world, headers["x-amz-target"], body)
        except Fault as fault:
            return api.error(fault)
        except Exception as unexpected:  # noqa: BLE001 - the service answers, whatever went wrong in it
            traceback.print_exc(file=sys.stderr)
            return api.error(Fault("InternalFailure", f"The local AWS failed at {path}: {unexpected!r}", 500))


def is_for_sagemaker(headers: dict[str, str], query: bytes) -> bool:
    """Whether the request's signature (header or presigned query) names the service ``sagemaker``."""
    scope = headers.get("authorization", "")
    if not scope and b"X-Amz-Credential" in query:
        scope = urllib.parse.unquote(query.decode("latin-1"))
    return "/sagemaker/aws4_request" in scope


async def serve(settings: Settings, listener: socket.socket, announce: Callable[[World], None]) -> None:
    """Serve until SIGTERM or SIGINT; then end jobs and model servers, and save the base's state.

    Args:
        settings: The run's settings; ``prepare_environment`` has been called with them.
        listener: The socket of ``listen``.
        announce: Is called once the local AWS is ready.
    """
    # Imported here because both read the environment when imported.
    import hypercorn.asyncio  # noqa: PLC0415
    import hypercorn.config  # noqa: PLC0415
    from ministack.app import app as base  # noqa: PLC0415

    from pocketaws.snapshots import Snapshots  # noqa: PLC0415

    _raise_descriptor_limit()
    world = World(settings)
    front = Front(world, base)
    config = hypercorn.config.Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.graceful_timeout = 1
    config.loglevel = "WARNING"

    stopping, quiet, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    server = asyncio.create_task(hypercorn.asyncio.serve(front, config, shutdown_trigger=closed.wait))
    snapshots = Snapshots(settings.save_seconds, settings.home / "state")
    world.save = snapshots.save
    saving = asyncio.create_task(snapshots.run(quiet))
    try:
        starting = loop.run_in_executor(None, _start, world)
        await asyncio.wait({starting, server}, return_when=asyncio.FIRST_COMPLETED)
        if server.done():
            server.result()
            raise RuntimeError("The HTTP server ended before the local AWS was ready")
        await starting
        front.ready.set()
        announce(world)
        await asyncio.wait({asyncio.ensure_future(stopping.wait()), server}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        # Jobs and model servers end while the URL still answers: their last lines and captures go there.
        await _in_thread(world.close)
        quiet.set()
        await saving
        # The base saves its state when the server tells it to shut down; no snapshot may come after that.
        closed.set()
        await server


def _start(world: World) -> None:
    # The first call waits for the server; every part that starts may then rely on it.
    world.aws("sts").get_caller_identity()
    world.start()


async def _in_thread(function: Callable[[], None]) -> None:
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def run() -> None:
        try:
            function()
        except Exception:  # noqa: BLE001 - the shutdown goes on
            traceback.print_exc(file=sys.stderr)
        finally:
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, daemon=True).start()
    await done.wait()


async def _body(receive: Receive) -> bytes:
    parts = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _respond(send: Send, answer: api.Answer) -> None:
    status, headers, body = answer
    fields = {**headers, "x-amzn-requestid": str(uuid.uuid4()), "content-length": str(len(body))}
    raw = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in fields.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


def _raise_descriptor_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else hard
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):  # macOS allows less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, 10240), hard))
