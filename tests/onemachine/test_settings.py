from __future__ import annotations

import pytest

from onemachine.errors import StackError
from onemachine.settings import VARIABLES, Settings


def test_without_variables_the_documented_defaults_hold(tmp_path):
    settings = Settings.read({}, repository=tmp_path)
    assert settings.local == tmp_path / ".local"
    assert (settings.airflow_url, settings.aws_url) == ("http://127.0.0.1:8080", "http://127.0.0.1:4566")
    assert settings.postgres_port == 55432


def test_a_relative_state_folder_is_the_same_from_wherever_it_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = {"ENDPOINTWATCH_LOCAL_DIR": "state"}
    assert Settings.read(given, repository=tmp_path / "project").local == tmp_path / "project" / "state"


@pytest.mark.parametrize("name", [name for name in VARIABLES if name.endswith("_PORT")])
@pytest.mark.parametrize("text", ["http", "-1", "65536", "8080.5", "٨٠٨٠"])
def test_a_port_that_is_none_is_refused_by_name(name, text):
    with pytest.raises(StackError, match=f"^{name}="):
        Settings.read({name: text})


def test_two_state_folders_never_share_the_folder_outside_the_home(tmp_path):
    one, two = (Settings.read({"ENDPOINTWATCH_LOCAL_DIR": str(tmp_path / name)}) for name in ("one", "two"))
    assert one.shared != two.shared


def test_every_variable_that_is_read_is_documented():
    class Recording(dict):
        def get(self, key, default=None):
            asked.add(key)
            return default

    asked: set[str] = set()
    Settings.read(Recording())
    assert asked == set(VARIABLES)
