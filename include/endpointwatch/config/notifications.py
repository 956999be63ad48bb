"""Who is told what, and by which channel. No secret stands here: channels name Airflow connections, which hold them."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from endpointwatch.config.section import Section, Switch

Severity = Literal["info", "warning", "critical"]
#: Whom a message is for: who answers for the endpoint, for the data that come in, for the labels.
Audience = Literal["endpoint_owner", "data_owner", "label_owner"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
AUDIENCES: tuple[Audience, ...] = get_args(Audience)


def _connection(value: str) -> str:
    if "://" in value or "/" in value:
        raise ValueError(
            f"{value.partition('://')[0]}… is an address, and it may hold a secret. Put it into an Airflow connection "
            "(Admin, Connections) and name the connection's id here"
        )
    return value


ConnectionId = Annotated[str, Field(min_length=1), AfterValidator(_connection)]
ChannelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", examples=["on-call"])]


class SnsChannel(Section):
    """An SNS topic: the plain text, with severity, owner, endpoint and cause as attributes to filter by."""

    name: ChannelName
    kind: Literal["sns"] = "sns"
    topic_arn: str = Field(
        description="Published to by the endpoint's own AWS connection, in the topic's region.",
        pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]{1,256}$",
    )


class SlackChannel(Section):
    """A Slack channel, by an incoming webhook."""

    name: ChannelName
    kind: Literal["slack"] = "slack"
    conn_id: ConnectionId = Field(
        description="Airflow connection of type HTTP (or Slack Incoming Webhook): the part of the webhook's URL behind "
        "`/services/` is its password; host `https://hooks.slack.com/services`, which may be left out."
    )


class SmtpChannel(Section):
    """E-mail, as small HTML."""

    name: ChannelName
    kind: Literal["smtp"] = "smtp"
    to: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", examples=["ml@example.com"])], ...] = Field(
        min_length=1
    )
    from_email: str | None = Field(None, description="Null takes the connection's `from_email`.")
    conn_id: ConnectionId = Field("smtp_default", description="Airflow connection of type SMTP.")


class WebhookChannel(Section):
    """A service of your own: the whole message as JSON, by POST."""

    name: ChannelName
    kind: Literal["webhook"] = "webhook"
    conn_id: ConnectionId = Field(
        description="Airflow connection of type HTTP: host, login, headers; `hmac_secret` in its extra signs the body."
    )
    path: str = Field("", description="Below the connection's host.", pattern=r"^[^?#\s]*$")
    signature_header: str | None = Field(
        None,
        description="Header for `sha256=` and the HMAC-SHA256 of the body in hexadecimal digits; null: not signed.",
        pattern=r"^[A-Za-z0-9-]+$",
    )


Channel = Annotated[SnsChannel | SlackChannel | SmtpChannel | WebhookChannel, Field(discriminator="kind")]


class Route(Section):
    """Which messages go where: those of one of the severities and for one of the owners."""

    severities: tuple[Severity, ...] = Field(SEVERITIES, min_length=1)
    owners: tuple[Audience, ...] = Field(AUDIENCES, min_length=1)
    channels: tuple[str, ...] = Field(min_length=1, description="Names under `notifications.channels`.")


class Notifications(Section):
    """Who is told, and how ([notifications.md](notifications.md)); without channels only the task's log says it."""

    channels: tuple[Channel, ...] = ()
    routes: tuple[Route, ...] = Field((), description="Empty: every channel gets every message.")
    data_owner: str = Field("", description="Name of who answers for the incoming data; empty: the endpoint's owner.")
    label_owner: str = Field("", description="Name of who answers for the labels; empty: the endpoint's owner.")
    task_failures: Switch = Field("Enabled", description="Tell when a task of the endpoint's DAGs fails for good.")
    runbook_uri: str = Field("docs/runbook.md", description="Where messages link to: your copy of docs/runbook.md.")

    @model_validator(mode="after")
    def _channels_are_found(self) -> Self:
        names = [channel.name for channel in self.channels]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"channels: {twice} stand in the list more than once; give each channel a name of its own")
        used = [name for route in self.routes for name in route.channels]
        for name in used:
            if name not in names:
                raise ValueError(f"routes: there is no channel {name!r}. {_hint(name, names)}")
        if self.routes and (idle := [name for name in names if name not in used]):
            raise ValueError(f"channels: {idle} are in no route and get nothing; add them to a route or remove them")
        return self

    def channels_for(self, severity: Severity, audiences: Collection[Audience]) -> tuple[Channel, ...]:
        """The channels that a message for any of ``audiences`` goes to, in the order of the file, each once."""
        if not self.routes:
            return self.channels
        names = {
            name
            for route in self.routes
            if severity in route.severities and set(audiences) & set(route.owners)
            for name in route.channels
        }
        return tuple(channel for channel in self.channels if channel.name in names)


def _hint(name: str, names: Collection[str]) -> str:
    near = get_close_matches(name, names, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Declared are {sorted(names)}; add it under `channels`"
