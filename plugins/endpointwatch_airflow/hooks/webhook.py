"""JSON by POST to an HTTP connection, signed where asked for; Slack's incoming webhooks among them."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from airflow.providers.http.hooks.http import HttpHook

from endpointwatch_airflow.errors import NotRetriedError

#: Key in the connection's extra. Airflow's HTTP hook takes what it does not know there for headers.
HMAC_SECRET: Final = "hmac_secret"  # noqa: S105 - the name of a key
#: A service that does not answer must not hold a task for ever; `timeout` in the connection's extra goes before this.
TIMEOUT_SECONDS: Final = 15


class WebhookHook(HttpHook):
    """An HTTP connection that is posted to.

    Args:
        conn_id: The connection: host, and login, headers, ``timeout``, ``verify`` as :class:`HttpHook` takes them;
            ``hmac_secret`` in its extra is what bodies are signed with.
    """

    def __init__(self, conn_id: str) -> None:
        super().__init__(method="POST", http_conn_id=conn_id)

    def get_conn(self, headers: dict[Any, Any] | None = None, extra_options: dict[str, Any] | None = None) -> Any:
        session = super().get_conn(headers, extra_options)
        session.headers.pop(HMAC_SECRET, None)
        return session

    def post(self, document: Mapping[str, Any], *, path: str = "", signature_header: str | None = None) -> None:
        """Send a JSON document.

        Args:
            document: What to send; the body is ASCII.
            path: Below the connection's host.
            signature_header: Header for ``sha256=`` and the HMAC-SHA256 of the body in hexadecimal digits.

        Raises:
            NotRetriedError: A signature is asked for, and the connection has no secret.
            AirflowException: The answer is an error of HTTP; its status stands in the message, its text in the log.
        """
        body = json.dumps(document)
        headers = {"Content-Type": "application/json"}
        if signature_header is not None:
            headers[signature_header] = f"sha256={hmac.new(self._key(), body.encode(), hashlib.sha256).hexdigest()}"
        told = self.get_connection(self.http_conn_id).extra_dejson.get("timeout")
        patience = {} if told is not None else {"timeout": TIMEOUT_SECONDS}
        self.run(path or None, data=body, headers=headers, extra_options=patience)

    def _key(self) -> bytes:
        secret = self.get_connection(self.http_conn_id).extra_dejson.get(HMAC_SECRET)
        if not secret:
            raise NotRetriedError(
                f"Connection {self.http_conn_id!r} has no {HMAC_SECRET!r} in its extra, but signature_header asks for "
                "a signature. Add it to the connection, or leave signature_header out."
            )
        return str(secret).encode()


class SlackWebhookHook(WebhookHook):
    """Slack's incoming webhook: its token (``T…/B…/…``, what follows ``/services/``) is the connection's password."""

    default_host = "https://hooks.slack.com/services"

    def say(self, document: Mapping[str, Any]) -> None:
        """Send a message of blocks.

        Raises:
            NotRetriedError: The connection has no password.
            AirflowException: Slack refused it.
        """
        password = (self.get_connection(self.http_conn_id).password or "").strip()
        if not password:
            raise NotRetriedError(
                f"Connection {self.http_conn_id!r} has no password. The part of the incoming webhook's URL behind "
                "/services/ belongs there, T…/B…/…"
            )
        # Some paste the whole URL.
        self.post(document, path=password.rpartition("/services/")[2])
