"""What administrators set, read whenever it is needed: all processes follow it at once."""

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import E164
from bot.domain.rules import ChannelRule, Mode, NumberRule
from bot.store.tables import channel_rule, number_rule


class RuleStore:
    """The channel_rule and number_rule tables."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    async def channel_rule(self, channel: str) -> ChannelRule:
        """What was set for a channel."""
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(channel_rule).where(channel_rule.c.channel == channel))).first()
        return ChannelRule() if row is None else ChannelRule(Mode(row.mode or Mode.ASK), row.everyone)

    async def set_channel_rule(self, channel: str, rule: ChannelRule) -> None:
        """Replace what was set for a channel."""
        values = {"mode": rule.mode, "everyone": rule.everyone}
        upsert = self._insert(channel_rule).values(channel=channel, **values)
        async with self._engine.begin() as connection:
            await connection.execute(upsert.on_conflict_do_update(index_elements=[channel_rule.c.channel], set_=values))

    async def number_rule(self, number: E164) -> NumberRule:
        """What was set for one of our numbers."""
        return (await self.number_rules()).get(number, NumberRule())

    async def number_rules(self) -> dict[E164, NumberRule]:
        """What was set for our numbers, by number."""
        async with self._engine.connect() as connection:
            rows = (await connection.execute(select(number_rule).order_by(number_rule.c.number))).all()
        return {row.number: NumberRule(row.channel, row.hours) for row in rows}

    async def set_route(self, number: E164, channel: str) -> None:
        """Set where texts to one of our numbers go, and nothing else of it; "" for the default."""
        await self._set(number, channel=channel)

    async def set_hours(self, number: E164, hours: str) -> None:
        """Set one of our numbers' quiet hours, and nothing else of it; "" for the default."""
        await self._set(number, hours=hours)

    async def _set(self, number: E164, **values: str) -> None:
        upsert = self._insert(number_rule).values(number=number, **values)
        async with self._engine.begin() as connection:
            await connection.execute(upsert.on_conflict_do_update(index_elements=[number_rule.c.number], set_=values))
