"""Data capture: requests and answers of endpoints as JSON Lines in S3, in SageMaker's layout.

``{DestinationS3Uri}/{endpoint}/{variant}/{yyyy}/{mm}/{dd}/{hh}/{mm-ss-fff-uuid}.jsonl``; the hour is that of the
invocation, UTC. Records wait in a spool file on disk until they are in S3, so that none is lost when this process is
killed, and a file of the spool is always written to the same keys, so that none is there twice.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import random
import sys
import threading
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pocketaws import s3

if TYPE_CHECKING:
    from pocketaws.world import World

# Names the keys of spool files; any constant would do.
_KEYS = uuid.UUID("6f1c9b5e-0c0e-4d0e-9a38-2f6f0c7d3a11")
_INPUT = frozenset({"Input", "InputAndOutput"})
_OUTPUT = frozenset({"Output", "InputAndOutput"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """One successful invocation.

    Attributes:
        endpoint: Name of the endpoint.
        variant: Name of the variant that answered.
        at: When the request arrived, epoch seconds.
        request_type: The request's Content-Type as sent, or None.
        request: The request's body.
        response_type: The answer's Content-Type as sent, or None.
        response: The answer's body.
        inference_id: InferenceId, or None.
        custom_attributes: CustomAttributes, or None.
        source: InvocationSource, or None for a client's request.
    """

    endpoint: str
    variant: str
    at: float
    request_type: str | None
    request: bytes
    response_type: str | None
    response: bytes
    inference_id: str | None = None
    custom_attributes: str | None = None
    source: str | None = None


class Capture:
    """Samples exchanges and brings them to S3.

    Args:
        world: The local AWS.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._folder = world.settings.home / "capture"
        self._open_path: Path | None = None
        self._open: IO[str] | None = None
        self._write_lock = threading.Lock()
        self._flush_lock = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="capture", daemon=True)
        self._told: set[str] = set()

    def start(self) -> None:
        """Begin to flush; first what an earlier run has left in the spool."""
        self._thread.start()

    def close(self) -> None:
        """Bring everything to S3, and end."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self.flush()

    def record(self, config: dict[str, Any] | None, exchange: Exchange) -> None:
        """Capture an exchange if the endpoint's DataCaptureConfig and its sampling say so.

        When this returns, the record is in the operating system's hands and outlives this process.
        """
        if not config or not config.get("EnableCapture", True):
            return
        if random.random() * 100 >= config["InitialSamplingPercentage"]:  # noqa: S311 - a sample, not a secret
            return
        prefix = s3.join(config["DestinationS3Uri"], exchange.endpoint, exchange.variant)
        line = json.dumps([prefix, exchange.at, json.dumps(document(config, exchange), separators=(",", ":"))])
        with self._write_lock:
            if self._open is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                self._open_path = self._folder / f"{uuid.uuid4()}.spool"
                self._open = self._open_path.open("w", encoding="utf-8")
            self._open.write(line + "\n")
            self._open.flush()

    def flush(self) -> None:
        """Bring every spool file to S3; one that cannot be brought stays for the next time."""
        with self._flush_lock:
            with self._write_lock:
                if self._open is not None:
                    self._open.close()
                self._open = self._open_path = None
            for path in sorted(self._folder.glob("*.spool")):
                self._bring(path)

    def _run(self) -> None:
        while True:
            try:
                self.flush()
            except Exception as error:  # noqa: BLE001 - the next flush may do better; the records are kept
                print(f"pocketaws: captured requests wait in {self._folder}: {error!r}", file=sys.stderr)
            if self._closing.wait(self._world.settings.flush_seconds):
                return

    def _bring(self, spool: Path) -> None:
        # Another thread may begin a file while this one lists them.
        with self._write_lock:
            if spool == self._open_path:
                return
        groups: dict[tuple[str, str], list[tuple[float, str]]] = {}
        for line in spool.read_text(encoding="utf-8").splitlines():
            try:
                prefix, at, record = json.loads(line)
            except ValueError:
                continue  # a process that was killed may have left half a line at the end
            groups.setdefault((prefix, _utc(at).strftime("%Y/%m/%d/%H")), []).append((at, record))
        for (prefix, hour), records in groups.items():
            first = _utc(min(at for at, _ in records))
            name = uuid.uuid5(_KEYS, f"{spool.stem} {prefix} {hour}")
            file = f"{first:%M-%S}-{first.microsecond // 1000:03d}-{name}.jsonl"
            bucket, key = s3.split(s3.join(prefix, hour, file))
            body = "".join(f"{record}\n" for _, record in records).encode()
            try:
                self._world.aws("s3").put_object(Bucket=bucket, Key=key, Body=body)
            except Exception as error:  # noqa: BLE001 - one destination's fault must not hold up the others
                self._tell(f"captured requests cannot be written to s3://{bucket}/{key.rpartition('/')[0]}: {error}")
                return
        spool.unlink()

    def _tell(self, problem: str) -> None:
        if problem not in self._told:
            self._told.add(problem)
            print(f"pocketaws: {problem}. They wait in {self._folder}.", file=sys.stderr)


def document(config: dict[str, Any], exchange: Exchange) -> dict[str, Any]:
    """The record of one exchange, members in the order in which SageMaker writes them."""
    modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
    headers = config.get("CaptureContentTypeHeader") or {}
    data: dict[str, Any] = {}
    if modes & _INPUT:
        data["endpointInput"] = _side(headers, exchange.request_type, "INPUT", exchange.request)
    if modes & _OUTPUT:
        data["endpointOutput"] = _side(headers, exchange.response_type, "OUTPUT", exchange.response)
    metadata: dict[str, Any] = {"eventId": str(uuid.uuid4())}
    if exchange.custom_attributes:
        metadata["customAttributes"] = [exchange.custom_attributes]
    if exchange.inference_id:
        metadata["inferenceId"] = exchange.inference_id
    if exchange.source:
        metadata["invocationSource"] = exchange.source
    metadata["inferenceTime"] = _utc(exchange.at).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def encoding(headers: dict[str, list[str]], content_type: str | None) -> str:
    """How a payload is stored: ``CSV``, ``JSON`` or ``BASE64``.

    A listed content type counts when it is the whole header, or the header without its parameters. The lists cannot
    hold parameters (the API's pattern for their members has no ``;``), and SageMaker stores the answer of its own
    containers, ``text/csv; charset=utf-8``, as ``CSV`` where ``text/csv`` is listed, as files captured on AWS show.
    What is in neither list, which includes everything when no list is given, is stored as ``BASE64``.

    References:
        https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CaptureContentTypeHeader.html

    Args:
        headers: CaptureContentTypeHeader; may be empty.
        content_type: The header as seen, or None.
    """
    if content_type is None:
        return "BASE64"
    seen = {content_type.lower(), content_type.partition(";")[0].strip().lower()}
    for kind, member in (("CSV", "CsvContentTypes"), ("JSON", "JsonContentTypes")):
        if seen & {listed.lower() for listed in headers.get(member, [])}:
            return kind
    return "BASE64"


def _side(headers: dict[str, list[str]], content_type: str | None, mode: str, body: bytes) -> dict[str, Any]:
    kind, text = encoding(headers, content_type), ""
    if kind != "BASE64":
        try:
            text = body.decode()
        except UnicodeDecodeError:
            kind = "BASE64"  # JSON has no other way to carry these bytes
    if kind == "BASE64":
        text = base64.b64encode(body).decode()
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": kind}


def _utc(at: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(at, dt.UTC)
