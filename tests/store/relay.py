"""A relay before PostgreSQL that can fall silent, as a network does: open connections stay open and say nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


@dataclass
class Relay:
    """Passes on what both sides say."""

    socket: Path
    database: str
    port: int = 0
    gates: list[asyncio.Event] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The database's address through here."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{self.database}"

    def silence(self) -> None:
        """From now on the connections that are open say nothing; new ones do."""
        for gate in self.gates:
            gate.clear()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gate = asyncio.Event()
        gate.set()
        self.gates.append(gate)
        theirs, ours = await asyncio.open_unix_connection(str(self.socket))
        async with asyncio.TaskGroup() as both:
            both.create_task(_pass_on(reader, ours, gate))
            both.create_task(_pass_on(theirs, writer, gate))


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
    with suppress(ConnectionError):
        while said := await reader.read(65536):
            await gate.wait()
            writer.write(said)
            await writer.drain()
        await gate.wait()
    writer.close()


def _find_socket(query: str) -> Path:
    [folder] = parse_qs(query)["host"]
    [socket] = (path for path in Path(folder).glob(".s.PGSQL.*") if path.is_socket())
    return socket


@asynccontextmanager
async def open_relay(postgresql_url: str) -> AsyncIterator[Relay]:
    """A relay to the database of an address that names a Unix socket's folder."""
    parts = urlsplit(postgresql_url)
    relay = Relay(_find_socket(parts.query), parts.path.removeprefix("/"))
    server = await asyncio.start_server(relay.connect, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        for gate in relay.gates:
            gate.set()
        server.close()
        await server.wait_closed()
