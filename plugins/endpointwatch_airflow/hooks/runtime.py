"""The endpoint as its callers see it."""

from __future__ import annotations

from typing import Any

from endpointwatch_airflow.hooks.aws import AwsHook


class RuntimeHook(AwsHook):
    """``InvokeEndpoint``, for requests of our own.

    Args:
        args: As :class:`AwsHook` takes them.
        kwargs: As :class:`AwsHook` takes them (``aws_conn_id``, ``region_name``, ``verify``, ``config``).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["client_type"] = "sagemaker-runtime"
        super().__init__(*args, **kwargs)

    def invoke(self, endpoint: str, body: bytes, *, content_type: str | None, inference_id: str) -> str:
        """Ask the endpoint once; the name of the variant that answered.

        Raises:
            ClientError: The endpoint or its model refused.
        """
        client: Any = self.conn
        named = {"ContentType": content_type} if content_type else {}
        answer = client.invoke_endpoint(EndpointName=endpoint, Body=body, InferenceId=inference_id, **named)
        return str(answer["InvokedProductionVariant"])
