"""From a channel of the endpoint's file to the notifier that serves it."""

from __future__ import annotations

from airflow.providers.amazon.aws.notifications.sns import SnsNotifier
from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from airflow.sdk import BaseNotifier

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.notifications import Channel, SlackChannel, SmtpChannel, SnsChannel
from endpointwatch.reports.message import Message, as_html, as_text, subject
from endpointwatch_airflow.notifiers.webhook import SlackNotifier, WebhookNotifier

#: SNS takes no longer subject, and ASCII alone: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
_SNS_SUBJECT = 99


def notifier(channel: Channel, message: Message, endpoint: Endpoint) -> BaseNotifier:
    """The notifier that sends ``message`` by ``channel``.

    Call its ``notify``, not itself: calling renders Jinja, and a message may hold braces that came with the data.
    """
    if isinstance(channel, SnsChannel):
        return _sns(channel, message, endpoint)
    if isinstance(channel, SmtpChannel):
        return SmtpNotifier(
            to=list(channel.to),
            from_email=channel.from_email,
            subject=subject(message),
            html_content=as_html(message),
            smtp_conn_id=channel.conn_id,
            custom_headers={"X-EndpointWatch-Key": message.key},
        )
    if isinstance(channel, SlackChannel):
        return SlackNotifier(conn_id=channel.conn_id, message=message)
    return WebhookNotifier(
        conn_id=channel.conn_id, message=message, path=channel.path, signature_header=channel.signature_header
    )


def _sns(channel: SnsChannel, message: Message, endpoint: Endpoint) -> SnsNotifier:
    return SnsNotifier(
        aws_conn_id=endpoint.aws.conn_id,
        # A topic is published to in its own region, which its ARN names.
        region_name=channel.topic_arn.split(":")[3],
        target_arn=channel.topic_arn,
        message=as_text(message),
        subject=subject(message, longest=_SNS_SUBJECT).encode("ascii", "replace").decode(),
        message_attributes={
            "endpoint": message.endpoint,
            "severity": message.severity,
            "audiences": list(message.audiences),
            "cause": message.cause,
        },
    )
