"""Up, down and everything that can happen in between, with fakes of Airflow and the local AWS."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace

import psutil
import pytest

from onemachine import stack
from onemachine.components import AIRFLOW, NAMES, POCKETAWS, POSTGRES
from onemachine.environment import MARK
from onemachine.errors import ComponentError, NotSetUpError, PortInUseError, StackError
from onemachine.settings import HOST

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(settings_with_used_database):
    """Nothing here writes into the database."""
    return settings_with_used_database


def up(settings, **more):
    return stack.up(settings, say=stack.quiet, ready_seconds=30, **more)


def leaders(settings):
    runs = stack.runs_of(settings)
    return {name: process.pid for name in NAMES if (process := runs.running(name))}


def kill(pid):
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.kill()
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)


def nothing(settings): ...


def one_killed(name):
    def disaster(settings):
        kill(leaders(settings)[name])

    disaster.__name__ = f"{name}_killed"
    return disaster


def all_killed(settings):
    for pid in leaders(settings).values():
        kill(pid)


def records_lost(settings):
    for file in settings.run.glob("*.json"):
        file.unlink()


def records_damaged(settings):
    for file in settings.run.glob("*.json"):
        file.write_text('{"name": "sche')


KILLED = [one_killed(name) for name in (POSTGRES, POCKETAWS, "scheduler")]
DISASTERS = [nothing, *KILLED, all_killed, records_lost, records_damaged]


@pytest.mark.parametrize("disaster", DISASTERS, ids=lambda d: d.__name__)
def test_after_down_no_process_is_left_whatever_happened_before(settings, is_alive, disaster):
    up(settings)
    assert len(is_alive(settings)) >= len(NAMES) + 2  # the scheduler's two stubborn helpers
    disaster(settings)
    stack.down(settings, say=stack.quiet)
    assert is_alive(settings) == set()


@pytest.mark.parametrize("disaster", [all_killed, records_lost, one_killed("scheduler"), one_killed(POSTGRES)])
def test_the_next_up_ends_what_a_disaster_left_and_comes_up_whole(settings, is_alive, disaster):
    up(settings)
    before = is_alive(settings)
    disaster(settings)
    up(settings)
    assert all(row.ready for row in stack.status(settings))
    stack.down(settings, say=stack.quiet)
    assert is_alive(settings) == set()
    assert before  # they are all counted in the line above: the fakes' own notes only ever grow


def test_a_second_up_starts_nothing(settings):
    first = up(settings)
    pids = leaders(settings)
    second = up(settings)
    assert leaders(settings) == pids
    assert second.started == {}
    assert (second.airflow_url, second.aws_url) == (first.airflow_url, first.aws_url)


@pytest.mark.parametrize("name", [POCKETAWS, "scheduler"])
def test_up_starts_only_what_is_missing(settings, name):
    up(settings)
    before = leaders(settings)
    kill(before[name])
    again = up(settings)
    after = leaders(settings)
    assert set(again.started) == {name}
    assert after.pop(name) != before.pop(name)
    assert after == before


def test_down_twice_says_that_nothing_was_running(settings):
    up(settings)
    said = []
    assert stack.down(settings, say=said.append) > 0
    assert stack.down(settings, say=said.append) == 0
    assert said[-1] == "Nothing was running."


@pytest.mark.parametrize(
    ("key", "setting"),
    [
        ("airflow_port", "ENDPOINTWATCH_AIRFLOW_PORT"),
        ("aws_port", "ENDPOINTWATCH_AWS_PORT"),
        ("postgres_port", "ENDPOINTWATCH_POSTGRES_PORT"),
    ],
)
def test_a_port_in_use_is_named_with_its_holder_and_the_setting_that_moves_it(settings, is_alive, key, setting):
    with socket.create_server((HOST, 0)) as other:
        port = other.getsockname()[1]
        ports = {name: getattr(settings, name) for name in ("airflow_port", "aws_port", "postgres_port")}
        with pytest.raises(PortInUseError) as caught:
            up(settings.on(**ports | {key: port}))
    assert f"Port {port}," in str(caught.value)
    assert f"process {os.getpid()} " in str(caught.value)
    assert f"{setting}=" in str(caught.value)
    assert is_alive(settings) == set()


def test_a_component_that_fails_shows_its_last_words_and_takes_the_rest_with_it(settings, is_alive):
    settings.local.mkdir(exist_ok=True)
    (settings.local / "trouble").write_text("triggerer fails")
    with pytest.raises(ComponentError, match=r"(?s)triggerer ended with code 1.*the triggerer has a reason to fail"):
        up(settings)
    assert is_alive(settings) == set()


def test_a_component_that_never_gets_ready_is_named_when_the_time_is_over(settings, is_alive):
    settings.local.mkdir(exist_ok=True)
    (settings.local / "trouble").write_text("api-server hangs")
    with pytest.raises(ComponentError, match=r"Not ready after 3 s: api-server"):
        stack.up(settings, say=stack.quiet, ready_seconds=3)
    assert is_alive(settings) == set()


PROGRAM = """
import sys
from pathlib import Path
from onemachine import __main__, stack
from onemachine.settings import Settings
made = Settings.read(repository=Path(sys.argv[1]))
Settings.read = classmethod(lambda cls, *_, **__: made)
sys.exit(__main__.main(["up"]))
"""


def command_line(settings):
    """`python -m onemachine up` as a process of its own, on the fakes."""
    variables = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(sys.path),
        "ENDPOINTWATCH_LOCAL_DIR": str(settings.local),
        "ENDPOINTWATCH_AIRFLOW_PORT": "0",
        "ENDPOINTWATCH_AWS_PORT": "0",
        "ENDPOINTWATCH_POSTGRES_PORT": "0",
    }
    command = [sys.executable, "-c", PROGRAM, str(settings.repository)]
    return subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_components(settings, names):
    deadline = time.monotonic() + 30
    while not set(names) <= leaders(settings).keys():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_up_that_is_interrupted_leaves_nothing_running(settings, is_alive, sign):
    settings.local.mkdir(exist_ok=True)
    (settings.local / "trouble").write_text("api-server hangs")
    command = command_line(settings)
    wait_for_components(settings, NAMES)
    command.send_signal(sign)
    assert command.wait(60) == 130, command.stderr.read()
    assert is_alive(settings) == set()


def test_up_that_is_killed_leaves_nothing_that_down_does_not_end(settings, is_alive):
    settings.local.mkdir(exist_ok=True)
    (settings.local / "trouble").write_text("api-server hangs")
    command = command_line(settings)
    wait_for_components(settings, NAMES)
    command.kill()
    command.wait()
    assert is_alive(settings)
    stack.down(settings, say=stack.quiet)
    assert is_alive(settings) == set()


def test_two_ups_at_once_make_one_stack(settings):
    settings.local.mkdir(exist_ok=True)
    results = []
    threads = [threading.Thread(target=lambda: results.append(up(settings))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(bool(result.started) for result in results) == [False, True]
    assert {result.airflow_url for result in results} == {results[0].airflow_url}


def test_down_spares_processes_that_only_know_the_state_folder(settings):
    """A user may export ENDPOINTWATCH_LOCAL_DIR in the shell; the shell is not part of the stack."""
    up(settings)
    variables = {"ENDPOINTWATCH_LOCAL_DIR": str(settings.local)}
    shell = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], env=variables)
    stack.down(settings, say=stack.quiet)
    assert shell.poll() is None
    shell.kill()
    shell.wait()


def test_a_recorded_process_id_that_now_belongs_to_another_process_is_left_alone(settings):
    up(settings)
    stack.down(settings, say=stack.quiet)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    record = {"name": "scheduler", "pid": bystander.pid, "created": time.time() - 5000, "fingerprint": "", "log": ""}
    (settings.run / "scheduler.json").write_text(json.dumps(record))
    stack.down(settings, say=stack.quiet)
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


def test_the_down_of_one_stack_leaves_another_alone(settings, tmp_path, make_settings):
    other = make_settings(tmp_path / "other")
    try:
        up(settings)
        up(other)
        stack.down(settings, say=stack.quiet)
        assert leaders(settings) == {}
        assert all(row.ready for row in stack.status(other))
    finally:
        stack.clean(other, say=stack.quiet)


def test_what_the_callers_shell_has_left_over_does_not_reach_the_components(settings, monkeypatch):
    hostile = {
        "AIRFLOW__CORE__EXECUTOR": "SequentialExecutor",
        "AIRFLOW_HOME": "/elsewhere",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "True",
        "AIRFLOW_CONN_SLACK_DEFAULT": "slack://left-over",
        "AWS_PROFILE": "production",
        "AWS_ENDPOINT_URL_S3": "https://example.com",
        "AWS_SESSION_TOKEN": "real",
        "PGHOST": "elsewhere",
        "PYTHONPATH": "/elsewhere",
        "PYTHONHOME": "/elsewhere",
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    up(settings)
    for name in AIRFLOW:
        seen = json.loads((settings.local / f"{name}.environment.json").read_text())
        assert {key: seen[key] for key in hostile if seen.get(key) == hostile[key]} == {}
        assert seen["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"


def test_a_variable_named_in_endpointwatch_pass_reaches_the_components(settings, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SLACK_DEFAULT", "slack://mine")
    up(replace(settings, passed=("AIRFLOW_CONN_SLACK_DEFAULT",)))
    seen = json.loads((settings.local / "scheduler.environment.json").read_text())
    assert seen["AIRFLOW_CONN_SLACK_DEFAULT"] == "slack://mine"


def test_the_environment_for_clients_does_not_carry_the_mark_of_the_stack(settings):
    assert MARK not in up(settings).environment


def test_nothing_listens_beyond_loopback(settings, is_alive):
    up(settings)
    listening = [
        connection.laddr.ip
        for pid in is_alive(settings)
        for connection in psutil.Process(pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3
    assert set(listening) == {HOST}


def test_other_ports_than_those_of_the_running_stack_are_refused(settings, monkeypatch):
    up(settings)
    monkeypatch.setenv("ENDPOINTWATCH_AIRFLOW_PORT", "18099")
    ports = {"airflow_port": 18099, "aws_port": 0, "postgres_port": 0}
    with pytest.raises(StackError, match=r"ENDPOINTWATCH_AIRFLOW_PORT asks for port 18099.*`make down` first"):
        up(settings.on(**ports))


def test_a_missing_environment_is_named_with_the_command_that_makes_it(settings):
    settings.pocketaws_python.unlink()
    with pytest.raises(NotSetUpError, match=r"\.venv-pocketaws/bin/python missing: run `make setup`"):
        up(settings)


def test_clean_removes_the_state_and_nothing_else(settings):
    up(settings)
    (settings.local / "notes.txt").write_text("mine")
    stack.clean(settings, say=stack.quiet)
    assert not settings.shared.exists()
    kept = {path.name for path in settings.local.iterdir()}
    assert "notes.txt" in kept
    assert kept.isdisjoint({"airflow", "pocketaws", "postgres", "run", "logs"})
