"""A window with everything in it that can come, as files; and what must be equal however they are read."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from endpointwatch.capture.tally import Tally
from endpointwatch.capture.window import Reading
from endpointwatch.config.window import Window
from endpointwatch.states import Table

WINDOW = Window.of(datetime(2026, 11, 1, 14, tzinfo=UTC), datetime(2026, 11, 1, 15, tzinfo=UTC))
HOUR = "capture/loans/AllTraffic/2026/11/01/14"


def as_json(line: str, order: tuple[str, ...]) -> str:
    """A CSV record as a record of flat objects with the input's keys in ``order``."""
    record = json.loads(line)
    given, answered = record["captureData"]["endpointInput"], record["captureData"]["endpointOutput"]
    told = dict(zip(("amount", "ratio", "colour"), given["data"].strip().split(","), strict=True))
    given.update(data=json.dumps({key: told.get(key, 7) for key in order}), encoding="JSON")
    answered.update(data=json.dumps({"prediction": float(answered["data"])}), encoding="JSON")
    return json.dumps(record)


@pytest.fixture
def everything(traffic):
    """Files by name: rows by position of two widths, rows by name, and what is set aside, skipped and not read."""

    def write(folder: Path) -> Path:
        lines = traffic.lines(900)
        wide = [line.replace(",red", ",red,9").replace(",blue", ",blue,9") for line in lines[400:430]]
        named = [as_json(line, ("ratio", "amount", "colour")) for line in lines[500:540]]
        more = [as_json(line, ("colour", "extra", "amount")) for line in lines[540:560]]
        shadow = traffic.record(7, invocationSource="ShadowExperiment")
        files: dict[str, bytes] = {
            "00-a.jsonl": _text([*lines[:300], "{broken", *wide[:20]]),
            "01-b.jsonl.gz": gzip.compress(_text(lines[300:400])),
            "02-c.jsonl": _text([*wide[20:], shadow, traffic.record(1).replace("T14:", "T15:"), *lines[400:500]]),
            "03-d.jsonl": _text(named),
            "04-e.jsonl": _text([*lines[560:700], *more, '{"captureData": 1}']),
            "05-f.jsonl.gz": gzip.compress(_text(lines[700:900]))[:-20],
            "06-g.jsonl": b"",
            "notes.txt": b"no capture",
        }
        for name, content in files.items():
            path = folder / HOUR / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    return write


@pytest.fixture
def reading():
    return Reading(windows=(WINDOW,))


@pytest.fixture
def exactly():
    """All of a state that does not depend on how its rows were divided; moments apart."""

    def parts(state: Table) -> dict[str, tuple]:
        columns = {
            name: (
                column.rows, column.types, column.moments.n, column.moments.low, column.moments.high,
                column.distinct.registers.tolist(), column.histogram.ordered(), column.sketch.weight,
            )
            for name, column in zip(state.names, state.columns, strict=True)
        }  # fmt: skip
        return {"rows": state.rows, "names": state.names, **columns}

    return parts


@pytest.fixture
def close():
    """Moments that are equal to rounding."""

    def same(one: Table, other: Table) -> None:
        for mine, its in zip(one.columns, other.columns, strict=True):
            for name in ("mean", "total", "m2"):
                assert getattr(mine.moments, name) == pytest.approx(getattr(its.moments, name), rel=1e-9, abs=1e-9)

    return same


@pytest.fixture
def accounting():
    def told(tally: Tally) -> SimpleNamespace:
        return SimpleNamespace(rows=tally.rows(), kinds=dict(tally.kinds), listed=tally.listed)

    return told


def _text(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
