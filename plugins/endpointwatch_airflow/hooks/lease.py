"""The lease on an endpoint, in S3 by conditional writes."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from botocore.exceptions import ClientError

from endpointwatch.actions.lease import Answer, Holder, Lease, Ticket, may_take
from endpointwatch_airflow.hooks.store import StoreHook, bucket_and_key

#: Somebody else has written in between: the condition did not hold, or S3 says that two wrote at once.
LOST: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409", "NoSuchKey", "404"})


class LeaseHook(StoreHook):
    """Take, keep and give back the lease whose files lie below a folder.

    The lease's file is made by ``If-None-Match: *`` and afterwards replaced by ``If-Match`` alone, never deleted:
    also giving it back is a conditional write, which cannot hit what somebody else has taken since.

    References:
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """

    def take(
        self, folder: str, me: Holder, *, now: datetime, seconds: float, ended: frozenset[Holder] = frozenset()
    ) -> Answer:
        """Take the lease, or take a place in the queue.

        Args:
            folder: S3 URI of the lease's folder.
            me: Who asks; a lease of one's own is prolonged.
            now: The time, with a time zone.
            seconds: How long the lease holds unless it is given back.
            ended: Holders whose DAG runs have ended.
        """
        lease, etag = self._lease(folder)
        tickets = self._tickets(folder)
        answer = may_take(lease, tickets.values(), me, now=now, ended=ended)
        if answer.free and self._write_if(folder, Lease.of(me, now=now, seconds=seconds), etag):
            for uri, ticket in tickets.items():
                if ticket.holder in {me, *ended}:
                    self._delete(uri)
            return answer
        if answer.free:
            answer = Answer(free=False, why="somebody else took it at the same moment")
        self.wait_on(folder, me, now=now)
        return answer

    def wait_on(self, folder: str, me: Holder, *, now: datetime) -> None:
        """Take a place in the queue, or say that one is still there."""
        mine = {uri: ticket for uri, ticket in self._tickets(folder).items() if ticket.holder == me}
        since = min((ticket.since for ticket in mine.values()), default=now)
        self.write(f"{folder}/waiting/{me.key}.json", Ticket(holder=me, since=since, seen=now).to_json())

    def give_back(self, folder: str, me: Holder) -> bool:
        """Release the lease and leave the queue.

        Returns:
            Whether it was mine; somebody else may have taken over what had expired.
        """
        self._delete(f"{folder}/waiting/{me.key}.json")
        lease, etag = self._lease(folder)
        if lease is None or lease.holder != me:
            return False
        return self._write_if(folder, lease.released(), etag)

    def look(self, folder: str, me: Holder, *, now: datetime) -> Answer:
        """Whether the lease could be taken, without taking it."""
        return may_take(self._lease(folder)[0], self._tickets(folder).values(), me, now=now)

    def _lease(self, folder: str) -> tuple[Lease | None, str | None]:
        bucket, key = bucket_and_key(f"{folder}/lease.json")
        try:
            answer = self.client.get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None, None
            raise
        return Lease.model_validate_json(answer["Body"].read()), answer["ETag"]

    def _tickets(self, folder: str) -> dict[str, Ticket]:
        texts = {item.uri: self.read(item.uri) for item in self.objects(f"{folder}/waiting/")}
        # One may go between the listing and the reading.
        return {uri: Ticket.model_validate_json(text) for uri, text in texts.items() if text is not None}

    def _write_if(self, folder: str, lease: Lease, etag: str | None) -> bool:
        bucket, key = bucket_and_key(f"{folder}/lease.json")
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            self.client.put_object(
                Bucket=bucket, Key=key, Body=lease.to_json().encode(), ContentType="application/json", **condition
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in LOST:
                return False
            raise
        return True

    def _delete(self, uri: str) -> None:
        bucket, key = bucket_and_key(uri)
        self.client.delete_object(Bucket=bucket, Key=key)
