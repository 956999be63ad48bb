"""What a user of the SDK's ``ModelExplainabilityMonitor`` writes; run by ``sdk_program.py``."""

from __future__ import annotations

from typing import Any

from sagemaker.core.clarify import ModelConfig, SHAPConfig
from sagemaker.core.model_monitor.clarify_model_monitoring import ExplainabilityAnalysisConfig

HEADERS = ["amount", "ratio", "age"]


def answer() -> dict[str, Any]:
    """The configuration, as the SDK's own classes write it."""
    shap = SHAPConfig(
        baseline=[[200, 10, 40]],
        num_samples=100,
        agg_method="mean_sq",
        use_logit=True,
        save_local_shap_values=True,
        seed=7,
    )
    model = ModelConfig(
        model_name="loans",
        instance_count=1,
        instance_type="ml.m5.large",
        content_type="text/csv",
        accept_type="text/csv",
    )
    config = ExplainabilityAnalysisConfig(shap, model, headers=HEADERS, label_headers=["approved"])
    return dict(config._to_dict())
