"""Who may change an endpoint now: one holder at a time, the others in the order in which they came. Pure.

A lease is one small file that is only ever replaced by conditional writes, so that of two who reach for it at the same
moment one gets it. Whoever waits leaves a ticket beside it. A holder that died is told by the lease's expiry, or by
its DAG run having ended; a waiter that died, by its ticket not having been renewed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field

from endpointwatch.actions.naming import digest

#: A waiter renews its ticket at every look; one so old has nobody behind it any more.
TICKET_LIFE: Final = timedelta(minutes=5)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def to_json(self) -> str:
        return self.model_dump_json(indent=2) + "\n"


class Holder(_Part):
    """A task of a DAG run. A retry of it is the same holder, so it finds its own lease."""

    dag_id: str
    run_id: str
    task_id: str

    def __str__(self) -> str:
        return f"{self.task_id} of {self.dag_id} ({self.run_id})"

    @property
    def key(self) -> str:
        """Ten hex digits that stand for it, for the name of its ticket."""
        return digest(self.model_dump())


class Lease(_Part):
    """The file's content. Without a holder it is free, and says who was the last."""

    holder: Holder | None
    expires: datetime
    last: Holder | None = None

    @classmethod
    def of(cls, holder: Holder, *, now: datetime, seconds: float) -> Self:
        return cls(holder=holder, expires=now + timedelta(seconds=seconds))

    def released(self) -> Lease:
        return Lease(holder=None, expires=self.expires, last=self.holder)


class Ticket(_Part):
    """A waiter's place in the queue."""

    holder: Holder
    since: datetime = Field(description="When it came; the earlier is served first.")
    seen: datetime = Field(description="When it last looked.")


class Answer(_Part):
    """Whether the lease may be taken, and if not, who is before."""

    free: bool
    why: str
    by: Holder | None = Field(
        None, description="Who holds it, or stands before; whether its run has ended can be asked."
    )


def may_take(
    lease: Lease | None,
    tickets: Iterable[Ticket],
    me: Holder,
    *,
    now: datetime,
    ended: frozenset[Holder] = frozenset(),
) -> Answer:
    """Whether ``me`` may take the lease now.

    Args:
        lease: As it lies there; None when there never was one.
        tickets: Everybody's, mine among them or not.
        me: Who asks.
        now: The time, with a time zone.
        ended: Holders whose DAG runs are known to have ended: they hold nothing and wait for nothing.
    """
    held = lease.holder if lease is not None else None
    if lease is not None and held is not None and held != me and held not in ended and lease.expires > now:
        return Answer(free=False, why=f"held by {held} until {lease.expires:%Y-%m-%d %H:%M:%S} UTC", by=held)
    if held == me:
        return Answer(free=True, why="mine already")
    queue = sorted(
        (ticket for ticket in tickets if ticket.holder not in ended and now - ticket.seen < TICKET_LIFE),
        key=lambda ticket: (ticket.since, ticket.holder.key),
    )
    if queue and queue[0].holder != me:
        return Answer(free=False, why=f"{queue[0].holder} came before", by=queue[0].holder)
    return Answer(free=True, why="free")
