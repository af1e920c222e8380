"""Runs a PretendCarrier in a process of its own: `python -m playground.carrier --port 0`.

Prints one line of JSON when it listens: {"url", "control", "token"}; ends on SIGTERM or Ctrl-C.
"""

import argparse
import asyncio
import json
import signal
from dataclasses import replace

from aiohttp import web

from playground.carrier.control import make_control
from playground.carrier.model import Behaviour
from playground.carrier.server import PretendCarrier

try:  # benchmarks want the pretend carrier out of the way
    from uvloop import new_event_loop
except ImportError:  # Windows
    from asyncio import new_event_loop


async def serve(port: int, token: str, *, moves: bool, callback_url: str) -> None:
    """Serve until a signal comes."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    behaviour = replace(Behaviour(), moves=moves, callback_url=callback_url)
    async with PretendCarrier(port=port, token=token, behaviour=behaviour) as carrier:
        runner = web.AppRunner(make_control(carrier), access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        control = f"http://127.0.0.1:{runner.addresses[0][1]}/_control"
        print(json.dumps({"url": carrier.url, "control": control, "token": carrier.token}), flush=True)
        await stop.wait()
        await runner.cleanup()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m playground.carrier", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    parser.add_argument("--token", default="", help="the token it takes; a random one by default")
    parser.add_argument("--still", action="store_true", help="texts stay queued until they are driven")
    parser.add_argument("--callback-url", default="", help="where receipts go; nowhere by default")
    arguments = parser.parse_args()
    serving = serve(arguments.port, arguments.token, moves=not arguments.still, callback_url=arguments.callback_url)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(serving)


if __name__ == "__main__":
    main()
