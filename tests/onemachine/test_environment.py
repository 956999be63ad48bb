from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemachine import environment
from onemachine.credentials import Credentials
from onemachine.settings import Settings

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
CREDENTIALS = Credentials.make()
SETTINGS = Settings.read({})


@given(st.dictionaries(NAMES | st.sampled_from(environment.HELD_BACK).flatmap(lambda p: NAMES.map(p.__add__)), TEXTS))
def test_no_variable_of_a_kind_that_is_held_back_gets_through(caller):
    for name in environment.clean(caller):
        assert not name.startswith(environment.HELD_BACK)


@given(st.dictionaries(NAMES, TEXTS))
def test_variables_that_get_through_are_not_changed(caller):
    assert environment.clean(caller).items() <= caller.items()


@given(st.dictionaries(NAMES, TEXTS))
def test_a_clients_environment_depends_on_the_callers_only_in_what_may_pass(caller):
    mine = environment.client(SETTINGS, CREDENTIALS, caller)
    assert mine["AWS_ENDPOINT_URL"] == SETTINGS.aws_url
    assert mine["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert mine["PYTHONPATH"].split(":") == [str(SETTINGS.repository / name) for name in ("include", "plugins")]


@pytest.mark.parametrize("value", ["plain", "two words", "it's", '"$HOME"', "a\nb", "`id`", "\\", "ü"])
def test_a_shell_reads_back_exactly_what_was_printed(value):
    lines = environment.shell_lines({"VALUE": value}, {})
    shown = subprocess.run(["sh", "-c", f'{lines}\nprintf %s "$VALUE"'], capture_output=True, check=True)
    assert shown.stdout.decode() == value


def test_the_shell_lines_take_away_what_would_leak():
    assert "unset AWS_PROFILE" in environment.shell_lines({}, {"AWS_PROFILE": "production"}).splitlines()


def test_a_proxy_of_the_caller_is_told_to_leave_loopback_alone():
    mine = environment.client(SETTINGS, CREDENTIALS, {"NO_PROXY": "example.com", "HTTPS_PROXY": "http://proxy"})
    assert mine["NO_PROXY"].split(",") == ["example.com", "127.0.0.1", "localhost"]
    assert mine["HTTPS_PROXY"] == "http://proxy"
