"""Our hooks tell AWS the same about their caller as the provider's own do, and look for it in a cheaper way."""

from __future__ import annotations

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook

from endpointwatch_airflow.hooks.aws import AwsHook
from endpointwatch_airflow.hooks.store import StoreHook


class Ship:
    """Stands for an operator: what counts is the name of the method and of its class."""

    def __init__(self, hook) -> None:
        self._hook = hook

    def execute(self):
        return self.sail()

    def sail(self):
        return self._hook._get_caller()


def test_the_caller_is_the_class_whose_execute_is_under_way():
    ours, theirs = (Ship(kind(aws_conn_id=None)) for kind in (AwsHook, AwsBaseHook))
    assert ours.execute() == theirs.execute() == "Ship"
    assert ours.sail() == theirs.sail() == "Unknown"


def test_aws_is_told_the_caller_by_the_user_agent():
    class Client:
        def _get_caller(self):
            return StoreHook(aws_conn_id=None, region_name="us-east-1").conn.meta.config.user_agent_extra

    assert "Caller/Ship" in Ship(Client()).execute()
