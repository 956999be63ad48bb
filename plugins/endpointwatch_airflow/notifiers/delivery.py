"""Sending one message by every channel that its severity and owner lead to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from airflow.sdk import Context
from airflow.sdk._shared.secrets_masker import redact

from endpointwatch.config.endpoint import Endpoint
from endpointwatch.config.notifications import Channel
from endpointwatch.reports.message import Message
from endpointwatch_airflow.errors import NotificationError

log = logging.getLogger(__name__)


def deliver(
    message: Message,
    endpoint: Endpoint,
    context: Context,
    *,
    had: Collection[str] = (),
    delivered: Callable[[str], None] | None = None,
) -> None:
    """Send ``message`` by every channel of its routes; one that fails does not keep it from the others.

    Args:
        message: What to say.
        endpoint: Whose channels and routes.
        context: The task's.
        had: Names of channels that have had it already.
        delivered: Called with a channel's name as soon as that has taken it.

    Raises:
        NotificationError: At least one channel failed; all were tried.
    """
    failed: dict[str, Exception] = {}
    channels = endpoint.notifications.channels_for(message.severity, message.audiences)
    if not channels:
        log.info("No route for %s and %s: said here only.", message.severity, ", ".join(message.audiences))
    for channel in channels:
        if channel.name in had:
            log.info("%s has had it already.", channel.name)
            continue
        try:
            _send(channel, message, endpoint, context)
            if delivered is not None:
                delivered(channel.name)
        except Exception as error:  # noqa: BLE001 - whatever a channel's client raises, the next channel gets its turn
            log.warning("%s (%s) failed: %s", channel.name, channel.kind, told(error))
            failed[channel.name] = error
        else:
            log.info("%s (%s) has taken it.", channel.name, channel.kind)
    if failed:
        reasons = "; ".join(f"{name}: {told(error)}" for name, error in failed.items())
        raise NotificationError(
            f"{len(failed)} of {len(channels)} channels did not take {message.title!r}: {reasons}. Mend the connection "
            "or `notifications.channels`, then clear this task: it sends to those that have not had it."
        )


def told(error: object) -> str:
    """An error in a sentence, without the secrets of connections that were used: it may name the address of one."""
    text = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else str(error)
    return str(redact(text))


def _send(channel: Channel, message: Message, endpoint: Endpoint, context: Context) -> None:
    # Here and not above: every start of a task reads the DAG, and mail and HTTP clients cost it a tenth of a second.
    from endpointwatch_airflow.notifiers.channels import notifier  # noqa: PLC0415

    notifier(channel, message, endpoint).notify(context)
