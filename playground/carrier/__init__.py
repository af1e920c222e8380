"""A strict pretend CarrierX on 127.0.0.1 that counts what it takes: the demo's phones and the tests' oracle."""

from playground.carrier.faults import Armed, Fault, Kind
from playground.carrier.model import Behaviour, Callback, Did, Fate, Inbound, Message, Post, Request
from playground.carrier.server import PretendCarrier

__all__ = [
    "Armed",
    "Behaviour",
    "Callback",
    "Did",
    "Fate",
    "Fault",
    "Inbound",
    "Kind",
    "Message",
    "Post",
    "PretendCarrier",
    "Request",
]
