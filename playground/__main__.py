"""`python -m playground`: everything on this machine, and a page to use it in."""

import argparse
import asyncio
import signal
import sys
import webbrowser

from playground.bot_process import BotGoneError

PORT = 8088
_PORTS = 20  # tried one after the other, unless one is asked for


def main() -> int:
    """Run until Ctrl-C; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m playground", description=__doc__)
    parser.add_argument("--port", type=int, help=f"of the page; by default {PORT}, or the next free one")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    asked = parser.parse_args()
    try:
        return asyncio.run(_run(asked.port, browse=not asked.no_browser))
    except ModuleNotFoundError as error:
        print(f"The Python package {error.name} is missing. Run `make demo`, which installs it.", file=sys.stderr)
    except BotGoneError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"The playground cannot start: {error.strerror or error}.", file=sys.stderr)
    return 1


async def _run(port: int | None, *, browse: bool) -> int:
    from playground.stage import Playground  # noqa: PLC0415 -- what it lacks is told in a sentence

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    chosen = await _free(port)
    if chosen is None:
        busy = f"Port {port} is" if port else f"Ports {PORT} to {PORT + _PORTS - 1} are"
        print(f"{busy} taken. Choose another: `python -m playground --port 9000`.", file=sys.stderr)
        return 1
    print("Starting the bot between a pretend Slack and a pretend CarrierX …", flush=True)
    async with Playground(chosen) as playground:
        print(f"\n  {playground.page.url}\n\nNothing leaves this machine. Ctrl-C ends it.", flush=True)
        if browse:
            await asyncio.to_thread(webbrowser.open, playground.page.url)
        await stop.wait()
        print("\nLeaving …", flush=True)
    return 0


async def _free(port: int | None) -> int | None:
    """The port that was asked for, or the first free one; None when it is taken."""
    for candidate in [port] if port else range(PORT, PORT + _PORTS):
        try:
            server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", candidate)
        except OSError:
            continue
        server.close()
        await server.wait_closed()
        return candidate
    return None


if __name__ == "__main__":
    sys.exit(main())
