"""Applications on their way to the endpoint, and the lender's decisions on their way back as labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from loanapp.cloud import Cloud
from loanapp.story import Application

THREADS = 8
CONTENT_TYPE = "text/csv"


class TrafficError(Exception):
    """The endpoint refused an application, or answered with something that is no score."""


def invoke(
    cloud: Cloud,
    endpoint: str,
    applications: Sequence[Application],
    *,
    threads: int = THREADS,
    done: Callable[[int], None] = lambda _: None,
) -> dict[str, float]:
    """Send every application through ``InvokeEndpoint``, one a request, as the lender's front end would.

    Args:
        cloud: Where the endpoint is.
        endpoint: Its name.
        applications: What to send; their inference ids go along and come back in the captures.
        threads: Requests at the same time.
        done: Called with 1 after each answer.

    Returns:
        Inference id → the model's score, the probability of approval.

    Raises:
        TrafficError: One request failed; the rest are not sent.
    """
    runtime = cloud.runtime

    def send(application: Application) -> tuple[str, float]:
        try:
            answer = runtime.invoke_endpoint(
                EndpointName=endpoint,
                ContentType=CONTENT_TYPE,
                Accept=CONTENT_TYPE,
                InferenceId=application.inference_id,
                Body=application.line,
            )
            text = answer["Body"].read().decode()
            score = float(text)
        except (BotoCoreError, ClientError, ValueError) as error:
            raise TrafficError(
                f"Endpoint {endpoint!r} did not score application {application.inference_id}: {error}. "
                "Its log is in CloudWatch Logs under /aws/sagemaker/Endpoints/."
            ) from error
        done(1)
        return application.inference_id, score

    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="applicant") as pool:
        answers = pool.map(send, applications)
        try:
            return dict(answers)
        except TrafficError:
            pool.shutdown(cancel_futures=True)
            raise


def ground_truth(applications: Sequence[Application]) -> str:
    """The decisions as Model Monitor's ground-truth records: JSON Lines, joined to captures by the inference id."""
    return "".join(
        json.dumps(
            {
                "groundTruthData": {"data": application.label, "encoding": "CSV"},
                "eventMetadata": {"eventId": application.inference_id},
                "eventVersion": "0",
            }
        )
        + "\n"
        for application in applications
    )


def deliver_labels(
    cloud: Cloud, uri: str, hour: datetime, applications: Sequence[Application], name: str = "decisions"
) -> str:
    """Put decisions that became known in ``hour`` where Model Monitor looks: ``{uri}/{yyyy}/{mm}/{dd}/{hh}/``.

    Returns:
        The file's URI.
    """
    target = f"{uri.rstrip('/')}/{hour:%Y/%m/%d/%H}/{name}.jsonl"
    cloud.write(target, ground_truth(applications), "application/jsonlines")
    return target
