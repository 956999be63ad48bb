"""The way of an alarm's message: an SNS topic, and an SQS queue that listens to it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from endpointwatch.actions.alarm_requests import QUEUE_ATTRIBUTES, channel_name, queue_policy
from endpointwatch_airflow.hooks.aws import AwsHook


class QueueUnavailableError(Exception):
    """There is no such queue, or it cannot be reached. Trying again may help.

    Attributes:
        missing: Whether it is not there at all.
    """

    def __init__(self, text: str, *, missing: bool) -> None:
        super().__init__(text)
        self.missing = missing


class TopicHook(AwsHook):
    """SNS topics.

    Args:
        args: As :class:`AwsHook` takes them.
        kwargs: As :class:`AwsHook` takes them (``aws_conn_id``, ``region_name``, ``verify``, ``config``).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "sns"
        super().__init__(*args, **kwargs)

    def ensure(self, name: str, tags: list[dict[str, str]]) -> str:
        """ARN of the topic of that name, which is made unless it is there."""
        client: Any = self.conn
        return str(client.create_topic(Name=name, Tags=tags)["TopicArn"])

    def subscribe(self, topic_arn: str, queue_arn: str) -> None:
        """Let the queue have the topic's messages as they are, without SNS's envelope; once, however often asked."""
        client: Any = self.conn
        client.subscribe(
            TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn, Attributes={"RawMessageDelivery": "true"}
        )


class QueueHook(AwsHook):
    """SQS queues.

    Args:
        args: As :class:`AwsHook` takes them.
        kwargs: As :class:`AwsHook` takes them (``aws_conn_id``, ``region_name``, ``verify``, ``config``).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "sqs"
        super().__init__(*args, **kwargs)

    def ensure(self, name: str, attributes: Mapping[str, str], tags: list[dict[str, str]]) -> str:
        """URL of the queue of that name, which is made unless it is there."""
        client: Any = self.conn
        try:
            return str(client.get_queue_url(QueueName=name)["QueueUrl"])
        except ClientError as error:
            if not is_no_queue(error):
                raise
        named = {tag["Key"]: tag["Value"] for tag in tags}
        return str(client.create_queue(QueueName=name, Attributes=dict(attributes), tags=named)["QueueUrl"])

    def attributes(self, url: str) -> dict[str, str]:
        """All of a queue's attributes, ``QueueArn`` and ``Policy`` among them."""
        client: Any = self.conn
        return dict(client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"])

    def set_attributes(self, url: str, attributes: Mapping[str, str]) -> None:
        client: Any = self.conn
        client.set_queue_attributes(QueueUrl=url, Attributes=dict(attributes))

    async def messages(self, name: str, *, wait_seconds: int) -> AsyncIterator[str]:
        """The bodies of a queue's messages as they come, for ever. Each is deleted when the next one is asked for.

        Args:
            name: The queue.
            wait_seconds: How long one question is held open.

        Raises:
            QueueUnavailableError: There is no such queue, or it cannot be reached.
        """
        try:
            async with await self.get_async_conn() as client:  # type: ignore[no-untyped-call]
                url = (await client.get_queue_url(QueueName=name))["QueueUrl"]
                while True:
                    answer = await client.receive_message(
                        QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_seconds
                    )
                    for message in answer.get("Messages", ()):
                        yield message["Body"]
                        await client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        except ClientError as error:
            raise QueueUnavailableError(f"Queue {name}: {error}", missing=is_no_queue(error)) from error
        except (BotoCoreError, OSError) as error:
            raise QueueUnavailableError(f"Queue {name} cannot be reached: {error}", missing=False) from error


def ensure_channel(topics: TopicHook, queues: QueueHook, endpoint: str, tags: list[dict[str, str]]) -> str:
    """Make topic, queue, the queue's policy and the subscription, each unless it is there as wanted.

    Returns:
        The topic's ARN.
    """
    name = channel_name(endpoint)
    topic_arn = topics.ensure(name, tags)
    url = queues.ensure(name, QUEUE_ATTRIBUTES, tags)
    present = queues.attributes(url)
    wanted = {**QUEUE_ATTRIBUTES, "Policy": queue_policy(present["QueueArn"], topic_arn)}
    changed = {key: value for key, value in wanted.items() if not _same(present.get(key), value)}
    if changed:
        queues.set_attributes(url, changed)
    topics.subscribe(topic_arn, present["QueueArn"])
    return topic_arn


def is_no_queue(error: ClientError) -> bool:
    """Whether SQS says that there is no such queue."""
    return "NonExistentQueue" in (code := error.response["Error"]["Code"]) or code == "QueueDoesNotExist"


def _same(present: str | None, wanted: str) -> bool:
    # A policy comes back with its keys in another order.
    return present is not None and (
        present == wanted or (present[:1] == "{" and json.loads(present) == json.loads(wanted))
    )
