"""What SageMaker means when it refuses."""

from __future__ import annotations

from botocore.exceptions import ClientError


def is_missing(error: ClientError) -> bool:
    """Whether SageMaker says that what was asked for does not exist. It words this differently per resource."""
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "").lower()
    return code in ("ResourceNotFound", "ResourceNotFoundException") or (
        code == "ValidationException" and ("not find" in message or "not found" in message or "not exist" in message)
    )


def is_taken(error: ClientError) -> bool:
    """Whether SageMaker says that the name to create exists already."""
    message = error.response["Error"].get("Message", "").lower()
    return error.response["Error"]["Code"] in ("ResourceInUse", "ResourceInUseException") or "already exist" in message


def is_over(error: ClientError) -> bool:
    """Whether a stop came too late (or the job never was): there is nothing left to stop."""
    # Stopping an ended job is a ValidationException whose text differs between job kinds ("... status Completed ...").
    return is_missing(error) or error.response["Error"]["Code"] == "ValidationException"
