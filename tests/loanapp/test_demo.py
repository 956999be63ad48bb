"""The command, as far as it goes without a stack."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from loanapp import demo
from loanapp.loop import Loop
from loanapp.progress import Reporter
from loanapp.runs import DemoError
from onemachine.errors import PortInUseError


@pytest.fixture
def told():
    return io.StringIO()


@pytest.fixture
def reporter(told):
    return Reporter(Console(file=told, width=120, no_color=True))


@pytest.fixture
def loop(reporter, endpoint):
    return Loop(None, None, endpoint, None, reporter)


def test_a_stack_that_cannot_start_is_exit_code_1_with_the_reason_and_the_way_out(monkeypatch, capsys):
    def refuse(**_):
        raise PortInUseError("Port 8080, wanted for Airflow, is in use by process 1 [nginx].")

    monkeypatch.setattr(demo.stack, "clean", refuse)
    assert demo.main(["--plain"]) == 1
    out = capsys.readouterr().out
    assert "Port 8080, wanted for Airflow, is in use by process 1 [nginx]." in out
    assert "make down" in out


def test_more_rows_than_there_are_applications_are_refused_before_anything_is_touched(monkeypatch, capsys):
    monkeypatch.setattr(demo.stack, "clean", lambda **_: pytest.fail("the state was removed"))
    assert demo.main(["--plain", "--rows", "5000"]) == 1
    assert "rows=5000 needs" in capsys.readouterr().out


def test_a_claim_that_does_not_hold_stops_the_demo(loop):
    with pytest.raises(DemoError, match="the moon is made of cheese"):
        loop._claim(False, "the moon is made of cheese")


def test_with_keep_going_it_is_noted_and_fails_the_demo_in_the_end(loop, told):
    loop.keep_going = True
    loop._claim(False, "the moon is made of cheese")
    loop._claim(True, "the earth is round")
    assert loop.broken == ["the moon is made of cheese"]
    assert "✗ the moon is made of cheese" in told.getvalue()
    assert "✓ the earth is round" in told.getvalue()


def test_without_a_terminal_there_are_lines_instead_of_bars_and_colours(reporter, told):
    with reporter.bar("applications", 8) as advance:
        for _ in range(8):
            advance(1)
    with reporter.waiting("loan__retrain") as tell:
        tell("train (running)")
        tell("train (running)")
    reporter.table("What happened", ("stage", "verdict"), [("window [1]", "OK"), ("window [2]", "VIOLATIONS (10)")])
    lines = [line.strip() for line in told.getvalue().splitlines() if line.strip()]
    assert lines[:4] == [f"applications: {done} of 8" for done in (2, 4, 6, 8)]
    assert lines[4] == "loan__retrain: train (running)"
    assert "\x1b" not in told.getvalue()
    assert lines[-2].split() == ["window", "[1]", "OK"]
    assert lines[-1].split() == ["window", "[2]", "VIOLATIONS", "(10)"]


@pytest.mark.parametrize("terminal", [True, False])
def test_square_brackets_in_names_and_messages_are_just_brackets(told, terminal):
    reporter = Reporter(Console(file=told, width=120, force_terminal=terminal, no_color=True, highlight=False))
    reporter.chapter("[a]")
    reporter.well("[b]")
    reporter.wrong("[c]")
    reporter.say("[d]")
    with reporter.waiting("[e]") as tell:
        tell("[f]")
    with reporter.bar("[g]", 1) as advance:
        advance(1)
    reporter.table("[h]", ("[i]",), [("[j]",)])
    missing = [letter for letter in "abcdefghj" if f"[{letter}]" not in told.getvalue()]
    assert missing == []
