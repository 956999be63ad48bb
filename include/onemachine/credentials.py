"""The secrets of one installation: made once, kept in a file that only its owner can read."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from onemachine.errors import StackError

FILE = "secrets.json"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the components of one stack share with each other and with nobody else.

    Attributes:
        installation: Names this installation; the database's files carry it too, so that files left behind by a
            removed state folder are told from ours.
        postgres_password: Password of the database role ``airflow``.
        jwt_secret: Signs Airflow's API tokens; 64 bytes, as HS512 wants.
        api_secret_key: Signs the web session.
        fernet_key: Encrypts connections and variables in the database.
    """

    installation: str
    postgres_password: str
    jwt_secret: str
    api_secret_key: str
    fernet_key: str

    @classmethod
    def make(cls) -> Credentials:
        return cls(
            installation=secrets.token_hex(8),
            postgres_password=secrets.token_hex(24),
            jwt_secret=secrets.token_hex(64),
            api_secret_key=secrets.token_hex(32),
            fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        )


def load_or_make(folder: Path) -> Credentials:
    """The credentials kept in ``folder``; made there on first use.

    Raises:
        StackError: The file is there but cannot be used.
    """
    file = folder / FILE
    if file.exists():
        try:
            return Credentials(**json.loads(file.read_text()))
        except (ValueError, TypeError) as error:
            raise StackError(f"{file} is damaged ({error}). `make clean` removes it and all local state.") from error
    made = Credentials.make()
    write_private(file, json.dumps(asdict(made), indent=2) + "\n")
    return made


def write_private(file: Path, text: str) -> None:
    """Replace ``file`` by ``text``, readable by its owner alone from its first moment."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    draft.replace(file)
