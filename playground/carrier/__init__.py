"""A strict pretend CarrierX on 127.0.0.1 that counts what it takes: the demo's phones and the tests' oracle."""

from playground.carrier.faults import Armed, Fault, Kind
from playground.carrier.media import Media
from playground.carrier.model import Behaviour, Callback, Did, Fate, Inbound, Message, Post, Request
from playground.carrier.server import PretendCarrier
from playground.carrier.storage import File

__all__ = [
    "Armed",
    "Behaviour",
    "Callback",
    "Did",
    "Fate",
    "Fault",
    "File",
    "Inbound",
    "Kind",
    "Media",
    "Message",
    "Post",
    "PretendCarrier",
    "Request",
]
