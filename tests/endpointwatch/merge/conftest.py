from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from endpointwatch.config.ground_truth import LabelRecord
from endpointwatch.merge.counts import Merged
from endpointwatch.merge.merge import PART_BYTES, merge
from endpointwatch.merge.sources import Sources


def capture(identity, *, time="2026-11-01T14:05:09Z", event=None, score=0.5, **metadata) -> str:
    """A captured record; ``event`` takes the place of the inference id."""
    ids = {"eventId": event} if event else {"eventId": f"event-of-{identity}", "inferenceId": identity}
    side = {"observedContentType": "text/csv", "encoding": "CSV"}
    return json.dumps(
        {
            "captureData": {
                "endpointInput": {**side, "mode": "INPUT", "data": "1,2"},
                "endpointOutput": {**side, "mode": "OUTPUT", "data": str(score)},
            },
            "eventMetadata": {**ids, "inferenceTime": time, **metadata},
            "eventVersion": "0",
        }
    )


def label(identity, data="1", encoding="CSV") -> str:
    """A ground-truth record."""
    truth = {"groundTruthData": {"data": data, "encoding": encoding}}
    return json.dumps({**truth, "eventMetadata": {"eventId": identity}, "eventVersion": "0"})


@dataclass(frozen=True)
class Outcome:
    told: Merged
    files: Mapping[str, bytes]

    @property
    def records(self) -> list[dict]:
        return [json.loads(line) for text in self.files.values() for line in text.decode().splitlines()]

    @property
    def truths(self) -> dict[str, str]:
        """The label by inference id; an id captured several times must have got the same one each time."""
        found: dict[str, str] = {}
        for record in self.records:
            about = record["eventMetadata"]
            name = about.get("inferenceId", about["eventId"])
            data = record["groundTruthData"]["data"]
            assert found.setdefault(name, data) == data
        return found


def merged(
    captures: Mapping[str, Iterable[str]],
    labels: Mapping[str, Iterable[str]],
    *,
    window=None,
    record=None,
    keep_folders=False,
    part_bytes=PART_BYTES,
) -> Outcome:
    """Write the files, merge them, read what was written."""
    with tempfile.TemporaryDirectory() as place:
        base = Path(place)
        for side, files in (("captures", captures), ("labels", labels)):
            (base / side).mkdir()
            for name, lines in files.items():
                path = base / side / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"".join(_bytes(line) + b"\n" for line in lines))
        sources = Sources(base / "captures", base / "labels", record or LabelRecord(), window)
        told = merge(sources, base / "out", keep_folders=keep_folders, part_bytes=part_bytes)
        found = sorted(path for path in (base / "out").rglob("*") if path.is_file())
        return Outcome(told, {path.relative_to(base / "out").as_posix(): path.read_bytes() for path in found})


def _bytes(line: str | bytes) -> bytes:
    return line if isinstance(line, bytes) else line.encode()


@pytest.fixture(scope="session", name="merged")
def _merged():
    return merged


@pytest.fixture(scope="session", name="capture")
def _capture():
    return capture


@pytest.fixture(scope="session", name="label")
def _label():
    return label
