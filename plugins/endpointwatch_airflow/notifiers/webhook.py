"""Notifiers for HTTP connections: a service of one's own, and Slack."""

from __future__ import annotations

from airflow.sdk import BaseNotifier, Context

from endpointwatch.reports.message import Message, as_slack
from endpointwatch_airflow.hooks.webhook import SlackWebhookHook, WebhookHook


class WebhookNotifier(BaseNotifier):
    """Post the whole message as JSON.

    Args:
        conn_id: An HTTP connection.
        message: What to say.
        path: Below the connection's host.
        signature_header: Header for the body's signature; None: it is not signed.
    """

    def __init__(self, *, conn_id: str, message: Message, path: str = "", signature_header: str | None = None) -> None:
        super().__init__()
        self.conn_id = conn_id
        self.message = message
        self.path = path
        self.signature_header = signature_header

    def notify(self, context: Context) -> None:  # noqa: ARG002 (the message is whole already)
        document = self.message.model_dump(mode="json")
        WebhookHook(self.conn_id).post(document, path=self.path, signature_header=self.signature_header)


class SlackNotifier(BaseNotifier):
    """Post the message to Slack as blocks.

    Args:
        conn_id: A connection with the incoming webhook's token as its password.
        message: What to say.
    """

    def __init__(self, *, conn_id: str, message: Message) -> None:
        super().__init__()
        self.conn_id = conn_id
        self.message = message

    def notify(self, context: Context) -> None:  # noqa: ARG002 (the message is whole already)
        SlackWebhookHook(self.conn_id).say(as_slack(self.message))
