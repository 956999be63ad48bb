"""Clients who ask an endpoint without a break, and know which model version has answered."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
from applicants import PROBE
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from endpointwatch.capture.marks import OWN_TRAFFIC

CSV = "text/csv"
#: An update that takes longer than this to answer anybody is an interruption of service.
REQUEST_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Failure:
    """A request that got no score: when, the answer's status (0: none came) and its text."""

    at: float
    status: int
    text: str


@dataclass
class Clients:
    """What a stretch of traffic has met.

    Attributes:
        scores: Moment of each answer, and the score of the probe: it tells the model versions apart.
        failures: Requests that failed. Nothing is asked twice: a retry would hide them.
    """

    scores: list[tuple[float, str]] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def since(self, moment: float) -> Clients:
        """The part that came after ``moment``."""
        return Clients(
            [one for one in list(self.scores) if one[0] >= moment],
            [one for one in list(self.failures) if one.at >= moment],
        )

    def wait_for(self, moment: float, count: int, *, seconds: float = 120.0) -> None:
        """Return once ``count`` answers have come after ``moment``."""
        end = time.monotonic() + seconds
        while len(self.since(moment).scores) < count:
            assert time.monotonic() < end, f"fewer than {count} answers within {seconds} s"
            time.sleep(0.1)

    @property
    def answers(self) -> Counter[str]:
        """How often each score was the answer."""
        return Counter(score for _, score in list(self.scores))

    @property
    def longest_pause(self) -> float:
        """Seconds between two answers, at most."""
        moments = [at for at, _ in list(self.scores)]
        return max((later - earlier for earlier, later in itertools.pairwise(moments)), default=0.0)


def runtime(variables: Mapping[str, str]) -> Any:
    """A client that asks once."""
    return boto3.Session().client(
        "sagemaker-runtime",
        endpoint_url=variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, read_timeout=REQUEST_SECONDS, connect_timeout=REQUEST_SECONDS),
    )


def ask(client: Any, endpoint: str, body: str, inference_id: str) -> str:
    """The answer to one request."""
    answer = client.invoke_endpoint(
        EndpointName=endpoint, ContentType=CSV, Accept=CSV, InferenceId=inference_id, Body=body
    )
    return str(answer["Body"].read().decode()).strip()


@contextmanager
def asking(variables: Mapping[str, str], endpoint: str, *, every: float = 0.4) -> Iterator[Clients]:
    """Ask ``endpoint`` in the background until the block is left.

    The requests are marked as our own, so that captured windows are what a test makes them.

    Args:
        variables: ``AWS_*`` of the account.
        endpoint: Its name.
        every: Seconds between two requests.
    """
    clients, end, client = Clients(), threading.Event(), runtime(variables)

    def run() -> None:
        number = 0
        while not end.wait(every):
            number += 1
            try:
                score = ask(client, endpoint, PROBE, f"{OWN_TRAFFIC}client-{number}")
            except ClientError as error:
                status = (
                    error.response.get("OriginalStatusCode") or error.response["ResponseMetadata"]["HTTPStatusCode"]
                )
                clients.failures.append(Failure(time.time(), int(status), str(error)))
            except BotoCoreError as error:
                clients.failures.append(Failure(time.time(), 0, str(error)))
            else:
                clients.scores.append((time.time(), score))

    thread = threading.Thread(target=run, name=f"clients of {endpoint}", daemon=True)
    thread.start()
    try:
        yield clients
    finally:
        end.set()
        thread.join(REQUEST_SECONDS)
