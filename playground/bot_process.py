"""The real bot as a process of its own: started, watched, killed on demand, and never left behind."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import ClientError, ClientSession, ClientTimeout

from playground.clock import FILE, write_ahead

ROOT = Path(__file__).parents[1]
READY_SECONDS = 20.0  # a slow laptop's first start, Python's bytecode not yet written
LEAVE_SECONDS = 20.0  # the bot's own promise at SIGTERM
_LOOK = 0.05  # seconds between two looks at /readyz; the bot has no other way to say it
_TIMEOUT = ClientTimeout(total=2)
_OURS = ("SLACK_", "CARRIERX_", "SMS_", "DATABASE_", "LOG_", "HOST", "PORT", "DYNO")


class BotGoneError(Exception):
    """The bot ended, or never answered; the sentence says which."""


class BotProcess:
    """The bot with settings of its own, in a folder of its own.

    Nothing of this shell's settings reaches it, nor a `.env` of the checkout: a playground must never meet real tokens.

    Args:
        settings: Its environment, by the names of the README; HOST and PORT are added.
        folder: Its working folder.
        command: What runs it.

    Attributes:
        port: Where it listens.
        url: The same as an address.
    """

    def __init__(self, settings: Mapping[str, str], folder: Path, *command: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._settings = {**settings, "HOST": "127.0.0.1", "PORT": str(self.port)}
        self._folder = folder
        self._command = command or (sys.executable, "-m", "playground.bot")
        self._process: asyncio.subprocess.Process | None = None
        self.move_clock(0.0)

    @property
    def pid(self) -> int:
        """Of the process that runs now."""
        return self._running().pid

    async def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            BotGoneError: It ended at once, or did not become ready in time.
        """
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        paths = [str(ROOT), *filter(None, [inherited.get("PYTHONPATH")])]
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            env=inherited | self._settings | {"PYTHONPATH": os.pathsep.join(paths)},
            cwd=self._folder,
            stdin=asyncio.subprocess.PIPE,  # closed when we end, however we end; playground.bot leaves then
            start_new_session=True,  # Ctrl-C is ours to pass on, once
        )
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self._ready()
        except TimeoutError:
            await self.stop()
            raise BotGoneError(f"The bot was not ready within {READY_SECONDS:.0f} seconds.") from None

    async def wait(self) -> int:
        """Its exit code, when it has ended."""
        return await self._running().wait()

    async def stop(self) -> None:
        """Let it drain and leave; kill it when it does not."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.terminate()
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await process.wait()
        except TimeoutError:
            await self.kill()
        if process.stdin is not None:
            process.stdin.close()

    async def kill(self) -> None:
        """End it as a power cut would."""
        process = self._running()
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    def move_clock(self, ahead: float) -> None:
        """Set its clock so many seconds before the machine's, for good."""
        write_ahead(self._folder / FILE, ahead)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, such as SIGSTOP."""
        self._running().send_signal(number)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise BotGoneError("The bot has not been started.")
        return self._process

    async def _ready(self) -> None:
        process = self._running()
        async with ClientSession(timeout=_TIMEOUT) as session:
            while process.returncode is None:
                with suppress(ClientError, TimeoutError):
                    async with session.get(f"{self.url}/readyz") as answer:
                        if answer.ok:
                            return
                await asyncio.sleep(_LOOK)
        raise BotGoneError(f"The bot ended with code {process.returncode} before it was ready; see its words above.")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
