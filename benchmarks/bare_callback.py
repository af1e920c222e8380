"""`python -m benchmarks.bare_callback PORT`: an aiohttp handler that only answers: what callbacks cost at least."""

import asyncio
import signal
import sys

import uvloop
from aiohttp import web


async def receive(request: web.Request) -> web.Response:
    """A callback, read and forgotten."""
    await request.read()
    return web.Response()


async def ready(_: web.Request) -> web.Response:
    """At once."""
    return web.Response()


async def run(port: int) -> None:
    """Serve until SIGTERM."""
    server = web.Application()
    server.add_routes([web.post("/carrierx/callbacks/{secret}", receive), web.get("/readyz", ready)])
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await runner.cleanup()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        loop.run(run(int(sys.argv[1])))
