"""A planned processing job turned into one that runs on SageMaker's PySpark container.

https://docs.aws.amazon.com/sagemaker/latest/dg/use-spark-processing-container.html
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Final

import endpointwatch
from endpointwatch.config.endpoint import Spark
from endpointwatch_airflow.hooks.answers import Request
from endpointwatch_airflow.hooks.store import StoreHook
from endpointwatch_airflow.operators.requests import Mount, mounted

CODE_PATH: Final = "/opt/ml/processing/input/code"
ARCHIVE: Final = "endpointwatch.zip"
ENTRY: Final = "entry.py"
_PACKAGE: Final = Path(endpointwatch.__file__).parent
_ENTRY: Final = _PACKAGE.parent / "containers" / "spark" / ENTRY
# A ZIP file knows no earlier time; with one time for all, the same code gives the same bytes.
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def on_spark(request: Request, spark: Spark, store: StoreHook, folder_uri: str) -> Request:
    """The same job on a Spark cluster, with the engine's code shipped along.

    The code comes from here, not from the image, so that a window is judged by the engine that planned its job.

    Args:
        request: As for one instance of the analyzer's image.
        spark: The endpoint's ``job.spark``.
        store: Where the code is put.
        folder_uri: The job's own folder in it.
    """
    code_uri = f"{folder_uri}/code"
    store.put(f"{code_uri}/{ARCHIVE}", archive())
    store.put(f"{code_uri}/{ENTRY}", _ENTRY.read_bytes())
    cluster = request["ProcessingResources"]["ClusterConfig"]
    return {
        **request,
        "AppSpecification": {
            "ImageUri": spark.image_uri,
            "ContainerEntrypoint": ["smspark-submit", "--py-files", f"{CODE_PATH}/{ARCHIVE}", f"{CODE_PATH}/{ENTRY}"],
        },
        "ProcessingResources": {
            "ClusterConfig": {
                **cluster,
                "InstanceType": spark.instance_type,
                "InstanceCount": spark.instance_count,
            }
        },
        "ProcessingInputs": [*request["ProcessingInputs"], mounted(Mount("code", f"{code_uri}/", CODE_PATH))],
    }


def archive() -> bytes:
    """The engine as a ZIP file for ``--py-files``."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as code:
        for path in sorted(_PACKAGE.rglob("*.py")):
            name = zipfile.ZipInfo(path.relative_to(_PACKAGE.parent).as_posix(), _EPOCH)
            name.external_attr = 0o644 << 16
            code.writestr(name, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return content.getvalue()
