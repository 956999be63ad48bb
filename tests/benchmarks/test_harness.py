from __future__ import annotations

import json
import sys

import pytest

from harness.child import ChildError, measure
from harness.report import Report, keep, replaced

PROGRAM = """
import sys
sys.path.insert(0, "benchmarks")
from harness.inside import Work, tell
with Work() as work:
    block = bytearray(b"x") * 64_000_000
    sum(range(200_000))
tell(work, answer=42)
"""


def test_a_program_is_measured_from_outside_and_tells_its_work():
    measured = measure([sys.executable, "-c", PROGRAM])
    assert 0 < measured.seconds < measured.wall
    assert measured.cpu > 0
    assert 64_000_000 < measured.peak < 400_000_000
    assert measured.told["answer"] == 42


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell what a process holds")
def test_the_processes_that_a_program_starts_count_too():
    holding = "block = bytearray(b'x') * 150_000_000; sum(range(10_000_000))"
    work = f"import subprocess; subprocess.run([sys.executable, '-c', {holding!r}], check=True)"
    program = PROGRAM.replace("sum(range(200_000))", work)
    measured = measure([sys.executable, "-c", program])
    assert 64_000_000 + 150_000_000 < measured.peak < 600_000_000
    assert measured.told["work_cpu"] > 0.05


def test_a_program_that_fails_says_what_it_said():
    with pytest.raises(ChildError, match=r"code 3:\nso it goes"):
        measure([sys.executable, "-c", "import sys; print('so it goes', file=sys.stderr); sys.exit(3)"])


def test_a_section_takes_the_place_of_the_one_before_it():
    text = "# Figures\n\n## One\n\nold\n\n## Two\n\nkept\n"
    once = replaced(text, "One", "## One\n\nnew\n")
    assert once == "# Figures\n\n## One\n\nnew\n\n## Two\n\nkept\n"
    assert replaced(once, "Three", "## Three\n\nmore") == once + "\n## Three\n\nmore\n"


def test_ratios_are_kept_as_they_are_asked_for(tmp_path):
    report = Report("demo", "Demo", "What.", ("what", "s"), (("a", "1"),), ("left out",), {"vs_a": 2.0, "b": None}, {})
    for _ in range(2):
        keep(report, date="2026-11-01", results=tmp_path / "RESULTS.md", out=tmp_path / "out")
    assert json.loads((tmp_path / "out" / "demo.json").read_text())["ratios"] == {"vs_a": 2.0, "b": None}
    text = (tmp_path / "RESULTS.md").read_text()
    assert text.count("## Demo") == 1
    assert "- `b` = not measured" in text
    assert "2026-11-01" in text
