"""The List operations: filters, order, pages and summaries, the same for every kind."""

from __future__ import annotations

import base64
import binascii
import json
import time
from collections.abc import Iterable
from typing import Any

from pocketaws.faults import invalid
from pocketaws.service_model import output_members

Row = dict[str, Any]


def page(rows: list[Row], request: dict[str, Any], default: int = 100) -> tuple[list[Row], dict[str, str]]:
    """One page of rows that are already filtered and in order.

    A token remembers when the first page was asked for; rows created since are left out of the pages that follow, so
    that nothing is answered twice while resources are being created.

    Args:
        rows: All rows.
        request: The request; ``MaxResults`` and ``NextToken`` are read.
        default: Rows of a page when the request does not say.

    Returns:
        The page's rows, and ``{"NextToken": ...}`` or ``{}`` to be joined to the answer.

    Raises:
        Fault: The token was not made here.
    """
    start, asked = 0, time.time()
    token = request.get("NextToken")
    if token:
        try:
            start, asked = json.loads(base64.urlsafe_b64decode(token))
        except (binascii.Error, ValueError, TypeError) as error:
            raise invalid(f"NextToken {token!r} is not valid: it must come from a previous answer") from error
        rows = [row for row in rows if row.get("CreationTime", 0) <= asked]
    end = start + request.get("MaxResults", default)
    more = len(rows) > end
    text = base64.urlsafe_b64encode(json.dumps([end, asked]).encode()).decode()
    return rows[start:end], {"NextToken": text} if more else {}


def select(rows: Iterable[Row], request: dict[str, Any], *, kind: str) -> list[Row]:
    """Rows that pass the filters the List operations share, in the order asked for.

    Args:
        rows: Records of one kind.
        request: ``NameContains``, ``StatusEquals``, ``CreationTimeAfter``/``Before``, ``LastModifiedTimeAfter``/
            ``Before``, ``SortBy`` (``Name``, ``Status``, else ``CreationTime``) and
            ``SortOrder`` are read.
        kind: The API's word; ``<kind>Name`` and ``<kind>Status`` are the members compared.
    """
    name, status = f"{kind}Name", f"{kind}Status"
    kept = [
        row
        for row in rows
        if request.get("NameContains", "") in row[name]
        and request.get("StatusEquals") in {None, row.get(status)}
        and all(
            request.get(f"{member}After", row.get(member, 0)) <= row.get(member, 0)
            and row.get(member, 0) <= request.get(f"{member}Before", row.get(member, 0))
            for member in ("CreationTime", "LastModifiedTime")
        )
    ]
    member = {"Name": name, "Status": status}.get(request.get("SortBy", ""), "CreationTime")
    # Models, endpoint configurations and endpoints come newest first unless asked otherwise, all else oldest first:
    # the API reference of each List operation says so under SortOrder.
    default = "Descending" if kind in {"Model", "EndpointConfig", "Endpoint"} else "Ascending"
    backwards = request.get("SortOrder", default) == "Descending"
    return sorted(kept, key=lambda row: (row.get(member, ""), row[name]), reverse=backwards)


def answer(operation: str, rows: list[Row], request: dict[str, Any]) -> dict[str, Any]:
    """The answer of a List operation: a page of ``rows``, each cut down to the members of its summary shape."""
    ((member, shape),) = [
        (name, shape) for name, shape in output_members(operation).items() if shape.type_name == "list"
    ]
    found, token = page(rows, request)
    summary = shape.member.members
    return {member: [{name: row[name] for name in summary if name in row} for row in found], **token}


def described(operation: str, record: Row) -> dict[str, Any]:
    """The answer of a Describe operation: the members of ``record`` that its output shape has."""
    members = output_members(operation)
    return {name: record[name] for name in members if name in record}
