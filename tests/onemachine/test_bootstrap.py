"""What `make setup` runs before anything is installed."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from onemachine import bootstrap

PROGRAM = Path(bootstrap.__file__)


def executable(file: Path, text: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file


def python_of(version: str) -> str:
    """A stand-in for an interpreter of another version: it answers every question with that version."""
    return f"#!/bin/sh\necho {version.replace('.', ' ')}\n"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """An empty PATH to put interpreters on; the running one is out of the question."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin" if not Path("/usr/bin/python3").exists() else str(folder))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "absent"))
    return folder


def test_a_version_managers_shim_that_does_not_run_is_passed_over(path):
    executable(path / "python3", "#!/nonexistent/shim\n")
    executable(path / "python3.13", "#!/bin/sh\necho 'pyenv: python3.13: command not found' >&2; exit 127\n")
    (path / "python3.12").symlink_to(os.path.realpath("/proc/self/exe"))
    assert bootstrap.find_python() == os.path.realpath("/proc/self/exe")


def test_a_python_too_old_is_an_error_that_lists_what_was_found(path):
    executable(path / "python3", python_of("3.8.18"))
    executable(path / "python3.13", python_of("3.14.0"))
    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.find_python()
    assert "3.11 to 3.13 is needed" in str(caught.value)
    assert "3.8.18" in str(caught.value)
    assert "3.14.0" in str(caught.value)


def test_no_python_at_all_is_said_so(path):
    with pytest.raises(bootstrap.SetupError, match="found on PATH: none"):
        bootstrap.find_python()


def test_a_missing_venv_module_names_the_package_that_brings_it(path, tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "REPOSITORY", tmp_path)
    (tmp_path / "include" / "onemachine").mkdir(parents=True)
    (tmp_path / "include" / "onemachine" / "uv.txt").write_text("uv==1.2.3 \\\n    --hash=sha256:00\n")
    broken = executable(
        path / "python3.12",
        '#!/bin/sh\ncase "$*" in *venv*) echo "No module named venv"; exit 1;; *) echo 3 12 1;; esac\n',
    )
    with pytest.raises(bootstrap.SetupError, match=r"No module named venv.*python3\.12-venv"):
        bootstrap.find_uv(str(broken))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with one environment that is up to date."""
    monkeypatch.setattr(bootstrap, "REPOSITORY", tmp_path)
    monkeypatch.setattr(bootstrap, "ENVIRONMENTS", {".venv": "lock.txt"})
    (tmp_path / "lock.txt").write_text("a==1\n")
    executable(tmp_path / ".venv" / "bin" / "python", python_of("3.12.1"))
    (tmp_path / ".venv" / bootstrap.STAMP).write_text(json.dumps(bootstrap._stamp(".venv")))
    return tmp_path


def test_an_environment_is_current_until_its_lock_file_changes(project):
    assert bootstrap.is_current(".venv")
    (project / "lock.txt").write_text("a==2\n")
    assert not bootstrap.is_current(".venv")


def test_an_environment_is_not_current_when_its_python_has_changed_or_gone(project):
    executable(project / ".venv" / "bin" / "python", python_of("3.12.2"))
    assert not bootstrap.is_current(".venv")
    (project / ".venv" / "bin" / "python").unlink()
    assert not bootstrap.is_current(".venv")


def test_an_installation_that_broke_off_is_not_current(project):
    (project / ".venv" / bootstrap.STAMP).unlink()
    assert not bootstrap.is_current(".venv")


def test_setup_with_nothing_to_do_takes_less_than_a_second():
    # Of processor time: the wall clock tells more about what else the machine is doing.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, PROGRAM], check=True, stdin=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1.0


def test_settings_that_would_send_packages_elsewhere_are_held_back(monkeypatch):
    for name in ("PIP_TARGET", "PIP_USER", "UV_SYSTEM_PYTHON", "UV_OVERRIDE", "PYTHONPATH", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("UV_INDEX_URL", "https://mirror.example/simple")
    kept = bootstrap._environment()
    assert not kept.keys() & {"PIP_TARGET", "PIP_USER", "UV_SYSTEM_PYTHON", "UV_OVERRIDE", "PYTHONPATH", "VIRTUAL_ENV"}
    assert kept["UV_INDEX_URL"] == "https://mirror.example/simple"


@pytest.mark.parametrize(("output", "source"), [(o, s) for o, (s, _) in bootstrap.LOCKS.items()])
def test_a_lock_file_pins_with_hashes_everything_its_source_names(output, source):
    locked: dict[str, list[str]] = {}
    for entry in re.split(r"\n(?=[a-z0-9])", (bootstrap.REPOSITORY / output).read_text()):
        requirement = Requirement(entry.split(" \\\n")[0].split("--hash")[0].strip())
        assert re.fullmatch(r"==[^*]+", str(requirement.specifier)), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]
        locked.setdefault(canonicalize_name(requirement.name), []).append(str(requirement.specifier)[2:])
    for line in (bootstrap.REPOSITORY / source).read_text().splitlines():
        text = line.split("#")[0].strip()
        if text and not text.startswith("-"):
            wanted = Requirement(text)
            versions = locked[canonicalize_name(wanted.name)]
            assert any(wanted.specifier.contains(version, prereleases=True) for version in versions)


def test_the_two_lists_of_one_environment_do_not_contradict_each_other():
    def pins(name: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for line in (bootstrap.REPOSITORY / name).read_text().splitlines():
            if match := re.match(r"([a-z0-9][a-z0-9._-]*)(?:\[[^]]*\])?==(\S+)", line):
                found.setdefault(canonicalize_name(match[1]), set()).add(match[2])
        return found

    production, development = pins("requirements.txt"), pins("requirements-dev.txt")
    # The development list may fork by Python version where the other does not, never leave it.
    assert {name: versions for name, versions in production.items() if not versions <= development[name]} == {}
