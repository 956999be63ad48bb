"""A model that loads, says that it is healthy, and fails on every request."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import joblib
from applicants import FEATURES, LABEL
from sklearn.linear_model import LogisticRegression

from loanapp.cloud import Cloud, split


def spoil(cloud: Cloud, package: dict[str, Any]) -> None:
    """Put such a model where the package's lies: what was approved is not what is deployed."""
    wider = len(FEATURES) + 1
    # It was fitted to rows of another width, and refuses those that it gets.
    estimator = LogisticRegression().fit([[0.0] * wider, [1.0] * wider], [0, 1])
    about = {"label": LABEL, "features": list(FEATURES), "estimator": "spoilt", "rows": 2, "metrics": {}}
    fitted = io.BytesIO()
    joblib.dump(estimator, fitted)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in (("model.joblib", fitted.getvalue()), ("metadata.json", json.dumps(about).encode())):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    bucket, key = split(package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"])
    cloud.s3.put_object(Bucket=bucket, Key=key, Body=archive.getvalue())
