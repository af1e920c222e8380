"""So much of something among several who need some of it for a while."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Allowance:
    """Bytes, say; who came first gets them first, so that nobody who needs many waits for ever.

    Args:
        most: All there is; who wants more than that gets all.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most
        self._turn = asyncio.Lock()
        self._returned = asyncio.Event()

    @asynccontextmanager
    async def take(self, amount: int) -> AsyncIterator[None]:
        """Wait for so much, and give it back at the end."""
        amount = min(amount, self._most)
        async with self._turn:
            while self._left < amount:
                self._returned.clear()
                await self._returned.wait()
            self._left -= amount
        try:
            yield
        finally:
            self._left += amount
            self._returned.set()
