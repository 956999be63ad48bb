"""A captured record as proof that capture works, and a captured request to ask again."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from endpointwatch.capture.marks import OWN_TRAFFIC


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was captured.

    Attributes:
        at: When it came, to the second.
        body: None when the capture has no input side.
        content_type: Its header, or None.
        own: Whether monitoring itself has sent it.
    """

    at: datetime
    body: bytes | None
    content_type: str | None
    own: bool = False


def asked(lines: str) -> Iterator[Asked]:
    """The requests of a captured file; lines that are no records are passed over."""
    for line in lines.splitlines():
        try:
            record = json.loads(line)
            metadata, data = record["eventMetadata"], record["captureData"]
            at = datetime.fromisoformat(metadata["inferenceTime"]).astimezone(UTC)
            side = data.get("endpointInput")
            own = str(metadata.get("inferenceId") or "").startswith(OWN_TRAFFIC)
            yield Asked(at, _body(side), (side or {}).get("observedContentType"), own)
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
            continue


def _body(side: dict[str, Any] | None) -> bytes | None:
    if side is None or side.get("data") is None:
        return None
    text = str(side["data"])
    return base64.b64decode(text, validate=True) if side.get("encoding") == "BASE64" else text.encode()
