"""A person's word on whether a text was a wish for no more texts."""

from datetime import datetime
from typing import Protocol

from bot.services.ports import Announcer, Clock


class Decisions(Protocol):
    """The ledger and the text that it is about; bot.store.consent has the only one."""

    async def decide(self, inbound_id: str, user_id: str, now: datetime, *, stop: bool) -> bool:
        """Write a decision; False when there is one already."""
        ...


class Deciding:
    """The use case behind Opt out and Keep."""

    def __init__(self, *, decisions: Decisions, clock: Clock, announcer: Announcer) -> None:
        self._decisions = decisions
        self._clock = clock
        self._announcer = announcer

    async def decide(self, inbound_id: str, user_id: str, *, stop: bool) -> bool:
        """Write a person's decision; False when somebody has decided before."""
        decided = await self._decisions.decide(inbound_id, user_id, self._clock.now(), stop=stop)
        self._announcer.wake()
        return decided
