"""`python -m playground.slack`: the pretend Slack as a process of its own.

It prints one line of JSON (`api_url`, `control_url`, `bot_token`, `app_token`, `signing_secret`) and runs until a
signal.
"""

import argparse
import asyncio
import json
import signal
from pathlib import Path

from playground.slack.control import Control
from playground.slack.server import PretendSlack


async def run(manifest: Path, port: int, *, socket_mode: bool) -> None:
    """Serve until SIGTERM or SIGINT."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, ended.set)
    async with PretendSlack(manifest, port=port, socket_mode=socket_mode) as slack, Control(slack) as control:
        line = {
            "api_url": slack.api_url,
            "control_url": control.url,
            "bot_token": slack.bot_token,
            "app_token": slack.app_token,
            "signing_secret": slack.signing_secret,
        }
        print(json.dumps(line), flush=True)
        await ended.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m playground.slack", description="A pretend Slack on 127.0.0.1.")
    parser.add_argument("--manifest", type=Path, default=Path("manifest.yml"), help="what the app may do")
    parser.add_argument("--port", type=int, default=0, help="of the Web API; 0 takes any")
    parser.add_argument("--socket-mode", action="store_true", help="wait for the app's WebSocket")
    options = parser.parse_args()
    asyncio.run(run(options.manifest, options.port, socket_mode=options.socket_mode))
