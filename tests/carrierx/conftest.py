"""A pretend CarrierX that moves nothing by itself, and our client for it."""

from collections.abc import AsyncIterator

import pytest

from bot.carrierx.client import CarrierXClient
from playground.carrier import Behaviour, PretendCarrier


@pytest.fixture
async def carrier() -> AsyncIterator[PretendCarrier]:
    async with PretendCarrier(behaviour=Behaviour(moves=False)) as carrier:
        yield carrier


@pytest.fixture
async def client(carrier: PretendCarrier) -> AsyncIterator[CarrierXClient]:
    async with CarrierXClient(carrier.url, carrier.token) as client:
        yield client
