"""Attribution of the demo's model against ``shap.KernelExplainer``."""
