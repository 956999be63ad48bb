"""What a forked process finds loaded is what stands in the files, whoever edited them meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from onemachine.forking import Loaded
from onemachine.settings import REPOSITORY

PACKAGES = ("parcel_engine", "parcel")


@pytest.fixture
def parcel(tmp_path, monkeypatch):
    """Two packages of four modules, on the path; the first module of ``parcel.ways`` imports the other package's."""
    for file, text in {
        "parcel/__init__.py": "",
        "parcel/ways/__init__.py": "",
        "parcel/ways/first.py": "from parcel_engine.speed import KNOTS",
        "parcel/ways/second.py": "NAME = 'second'",
        "parcel_engine/__init__.py": "",
        "parcel_engine/speed.py": "KNOTS = 12",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("parcel")]:
        del sys.modules[name]


@pytest.fixture
def loaded(parcel):
    loaded = Loaded(PACKAGES, "parcel.ways")
    loaded.refresh()
    return loaded


def module(name):
    return sys.modules[f"parcel{name}"]


def test_all_that_the_entrance_imports_is_loaded(loaded):
    assert module(".ways.first").KNOTS == module("_engine.speed").KNOTS == 12
    assert module(".ways.second").NAME == "second"


def test_nothing_is_loaded_twice_while_no_file_changes(loaded):
    before = module(".ways.first"), module("_engine.speed")
    loaded.refresh()
    assert (module(".ways.first"), module("_engine.speed")) == before


def test_an_edited_file_is_loaded_anew_and_so_is_what_imported_it(loaded, parcel):
    (parcel / "parcel_engine" / "speed.py").write_text("KNOTS = 120")
    loaded.refresh()
    assert module(".ways.first").KNOTS == 120


def test_a_removed_file_is_no_longer_there(loaded, parcel):
    (parcel / "parcel" / "ways" / "second.py").unlink()
    loaded.refresh()
    assert "parcel.ways.second" not in sys.modules


def test_a_file_that_cannot_be_imported_stops_no_fork_and_is_loaded_once_it_is_mended(loaded, parcel, caplog):
    speed = parcel / "parcel_engine" / "speed.py"
    speed.write_text("KNOTS = = 12")
    loaded.refresh()
    loaded.refresh()
    assert caplog.text.count("SyntaxError") == 1
    speed.write_text("KNOTS = 7")
    loaded.refresh()
    assert module(".ways.first").KNOTS == 7


PROGRAM = """
import os, sys
from onemachine import forking
forking.prepare(services=("sts",))
assert "endpointwatch_airflow" not in sys.modules
child = os.fork()
if not child:
    from botocore.loaders import JSONFileLoader
    read = JSONFileLoader.load_file
    before = read.cache_info().misses
    import boto3
    boto3.Session(region_name="eu-west-1").client("sts")
    missed = read.cache_info().misses - before
    print("monitor" if "endpointwatch_airflow.pipelines.monitor" in sys.modules else "", missed, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


@pytest.mark.slow
def test_a_forked_process_has_the_pipelines_and_reads_no_service_model_again(tmp_path):
    path = os.pathsep.join(str(REPOSITORY / folder) for folder in ("include", "plugins"))
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == ["monitor", "0"]
