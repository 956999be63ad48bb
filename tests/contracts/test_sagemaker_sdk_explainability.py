"""The SageMaker SDK's explainability monitor: what it writes, our job does."""

from __future__ import annotations

import io
import json
import tarfile

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from endpointwatch.jobs.__main__ import main
from endpointwatch.jobs.clarify.config import AnalysisConfig

pytestmark = pytest.mark.pocketaws


def test_a_configuration_of_the_sdk_is_done_as_it_was_meant(sdk, tmp_path):
    text = json.dumps(sdk["sdk_model_explainability"])
    config = AnalysisConfig.model_validate_json(text)
    assert config.unsupported == ()
    shap = config.methods.shap
    assert shap is not None
    assert (shap.num_samples, shap.agg_method, shap.use_logit, shap.seed) == (100, "mean_sq", True, 7)

    processing = tmp_path / "ml" / "processing"
    for folder in ("input/config", "input/data", "model"):
        (processing / folder).mkdir(parents=True)
    rows = np.random.default_rng(0).normal(size=(50, 3)) * [100, 4, 10] + [200, 10, 40]
    (processing / "input/config/analysis_config.json").write_text(text)
    np.savetxt(processing / "input/data/data.csv", rows, delimiter=",", fmt="%.4f")
    model = LogisticRegression(max_iter=1000).fit(rows, rows[:, 0] > 200)
    content = io.BytesIO()
    joblib.dump(model, content)
    with tarfile.open(processing / "model/model.tar.gz", "w:gz") as tar:
        about = tarfile.TarInfo("model.joblib")
        about.size = len(content.getvalue())
        tar.addfile(about, io.BytesIO(content.getvalue()))
    assert main([], {"SAGEMAKER_BASE_DIR": str(tmp_path / "ml")}) == 0, (tmp_path / "ml/output/message").read_text()
    document = json.loads((processing / "output/analysis.json").read_bytes())
    told = document["explanations"]["kernel_shap"]["approved"]
    terms = (np.round(rows, 4) - [200, 10, 40]) * model.coef_[0]
    assert list(told["global_shap_values"]) == ["amount", "ratio", "age"]
    assert list(told["global_shap_values"].values()) == pytest.approx(np.square(terms).mean(axis=0))
