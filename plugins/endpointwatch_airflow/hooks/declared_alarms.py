"""The endpoint's alarms in CloudWatch, made what its file declares."""

from __future__ import annotations

import logging

from endpointwatch.actions.alarm_requests import alarm_prefix, alarm_requests, declared_name, differences
from endpointwatch.actions.naming import tags
from endpointwatch.config.endpoint import Endpoint
from endpointwatch_airflow.hooks.alarm_channel import QueueHook, TopicHook, ensure_channel
from endpointwatch_airflow.hooks.answers import Request
from endpointwatch_airflow.hooks.cloudwatch import CloudWatchHook

log = logging.getLogger(__name__)


def ensure_alarms(
    endpoint: Endpoint, cloudwatch: CloudWatchHook, topics: TopicHook, queues: QueueHook
) -> dict[str, list[str]]:
    """Make what is not as declared, and the way of its messages; remove what is declared no longer.

    Returns:
        ``made``, ``changed``, ``removed`` and ``kept``: names as the file has them.
    """
    name = endpoint.name
    live = {alarm.name: alarm for alarm in cloudwatch.alarms(alarm_prefix(name))}
    done: dict[str, list[str]] = {"made": [], "changed": [], "removed": [], "kept": []}
    # Before the alarms: one that goes off at once must have somebody to tell.
    topic = ensure_channel(topics, queues, name, tags(endpoint)) if endpoint.alarms.declared else ""
    requests = alarm_requests(endpoint, topic)
    for full, request in requests.items():
        differing = differences(request, live[full].settings) if full in live else tuple(request)
        what = "made" if full not in live else "changed" if differing else "kept"
        if differing:
            log.info("Alarm %s: %s (%s)", full, what, ", ".join(differing))
            cloudwatch.put_alarm(request if full not in live else _without_tags(request))
        done[what].append(declared_name(name, full) or full)
    surplus = sorted(set(live) - set(requests))
    cloudwatch.delete_alarms(surplus)
    done["removed"] = [declared_name(name, full) or full for full in surplus]
    log.info("Alarms of %s: %s", name, done)
    return done


def _without_tags(request: Request) -> Request:
    # Given again for an alarm that is there, CloudWatch would leave them out, or refuse the call.
    return {key: value for key, value in request.items() if key != "Tags"}
