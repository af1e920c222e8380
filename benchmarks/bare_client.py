"""`python -m benchmarks.bare_client URL TEXTS AT_ONCE`: a loop that only posts; prints texts a second.

With one at once it prints instead how long requests took to arrive, as the server notes the time that stands in each.
"""

import asyncio
import json
import sys
import time
from uuid import uuid4

import aiohttp
import uvloop

_PAUSE = 0.02  # seconds between two requests one at a time


async def run(url: str, texts: int, at_once: int) -> float:
    """Post so many texts; texts a second."""
    connector = aiohttp.TCPConnector(limit=at_once)
    left = iter(range(texts))
    async with aiohttp.ClientSession(connector=connector) as session:

        async def post() -> None:
            for _ in left:
                text = {
                    "from": "15162065000",
                    "user_data": f"{time.time():.6f} {uuid4()}" if at_once == 1 else str(uuid4()),
                    "to": "15162060000",
                    "message": "Running ten minutes late",
                }
                async with session.post(
                    f"{url}/carrierx/sms/messages",
                    data=json.dumps(text).encode(),
                    headers={"Content-Type": "application/json", "Authorization": "Bearer bench"},
                ) as answer:
                    json.loads(await answer.read())
                if at_once == 1:
                    await asyncio.sleep(_PAUSE)

        started = time.perf_counter()
        await asyncio.gather(*(post() for _ in range(at_once)))
        return texts / (time.perf_counter() - started)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as loop:
        print(loop.run(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
