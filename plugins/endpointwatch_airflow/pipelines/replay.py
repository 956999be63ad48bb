"""The DAG that tries other thresholds on the windows on record. Started by hand only."""

from __future__ import annotations

from typing import Any, Final

from airflow.sdk import DAG, Param

from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.endpoints import dag_id
from endpointwatch_airflow.operators.replay import BASELINE, LAST, SPAN, ReplayOperator
from endpointwatch_airflow.pipelines.common import dag_arguments, job_arguments

PIPELINE: Final = "replay"
LAST_WINDOWS: Final = 24 * 7
SWITCH: Final = ("Enabled", "Disabled")

DOC: Final = """
### What if the thresholds of `{name}` had been others?

Judges the last windows on record again, from their stored states: no captured data is read, no verdict is changed, and
nothing is decided or retrained. Fill in the form; what is left empty stays as each window's baseline says.

| Task | What it does |
|---|---|
| `replay` | One job judges the windows again. Its log ends with a table: each window's answer then and now, and the \
features that drifted most. The same as JSON: `{results}/{name}/replays/`. |
"""


def build(endpoint: Endpoint) -> DAG:
    """The endpoint's ``<endpoint>__replay`` DAG."""
    with DAG(
        dag_id(endpoint.name, PIPELINE),
        description=f"Try other thresholds on the windows of {endpoint.name} that are on record.",
        schedule=None,
        catchup=False,
        params=form(),
        doc_md=DOC.format(name=endpoint.name, results=endpoint.results_uri),
        **dag_arguments(endpoint, PIPELINE),
    ) as dag:
        ReplayOperator(task_id="replay", endpoint=endpoint, **job_arguments(endpoint))
    return dag


def form() -> dict[str, Param]:
    """The trigger form's fields."""
    return {
        LAST: Param(
            LAST_WINDOWS, type="integer", minimum=1, title="Windows", description="So many of the latest windows."
        ),
        SPAN: Param(
            "stored",
            type="string",
            enum=["stored", "day", "week"],
            title="Judged",
            description="As they are stored, or added up by UTC day or by week from Monday.",
        ),
        "comparison_threshold": _share("Limit of the distance of numbers."),
        "comparison_method": _choice("How distances are measured.", "Robust", "Simple"),
        "categorical_comparison_threshold": _share("Limit of the distance of categories."),
        "categorical_drift_method": _choice("How categories are compared.", "LInfinity", "ChiSquared"),
        "datatype_check_threshold": _share("Least share of values of the baseline's type."),
        "domain_content_threshold": _share("Least share of values that the baseline knows."),
        "minimum_rows": Param(
            None, type=["null", "integer"], minimum=1, description="Windows of fewer rows are not judged."
        ),
        "benjamini_hochberg": _choice("Count only drift that is significant, given all features.", *SWITCH),
        "false_discovery_rate": _share("The share of false alarms that `benjamini_hochberg` puts up with."),
        "aws_compatible": _choice("Count as AWS's analyzer does, blind spots included.", *SWITCH),
        BASELINE: Param(
            None,
            type=["null", "string"],
            pattern="^s3://.+",
            title="Other constraints",
            description="S3 folder with constraints.json and statistics.json to hold all windows against. Empty: each "
            "window's own model version's.",
        ),
    }


def _share(description: str) -> Param:
    return Param(None, type=["null", "number"], minimum=0, maximum=1, description=description)


def _choice(description: str, *values: str) -> Param:
    choices: list[Any] = [None, *values]
    return Param(None, type=["null", "string"], enum=choices, description=description)
