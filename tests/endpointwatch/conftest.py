from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

# How long an example takes says something about the machine's other work, not about the code.
settings.register_profile("endpointwatch", deadline=None)
settings.load_profile("endpointwatch")


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A small Spark: a JVM beside this process, where nothing is listened to and nothing compiled that runs once."""
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, and there is none on PATH")
    sql = pytest.importorskip("pyspark.sql")
    settings = {
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.shuffle.partitions": "3",
        "spark.ui.enabled": "false",
    }
    with pytest.MonkeyPatch.context() as patch:
        # Else the workers' Python is whichever `python3` stands first on the path.
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        session = sql.SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
        yield session
        session.stop()
