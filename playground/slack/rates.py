"""Slack's rate limits as token buckets (docs.slack.dev/apis/web-api/rate-limits)."""

import math
from collections.abc import Callable
from dataclasses import dataclass

_TIERS = {1: 1, 2: 20, 3: 50, 4: 100}  # a minute
_TIER_OF = {
    "users.list": 2,
    "conversations.list": 2,
    "conversations.info": 3,
    "conversations.join": 3,
    "conversations.open": 3,
    "conversations.history": 3,
    "conversations.replies": 3,
    "users.conversations": 3,
    "chat.update": 3,
    "chat.delete": 3,
    "reactions.add": 3,
    "reactions.remove": 2,
    "reactions.get": 3,
    "team.info": 3,
    "bots.info": 3,
    "files.delete": 3,
    "users.info": 4,
    "files.getUploadURLExternal": 4,
    "files.completeUploadExternal": 4,
    "files.info": 4,
    "chat.postEphemeral": 4,
    "views.open": 4,
    "views.update": 4,
    "views.push": 4,
}
_CONNECTIONS = 10  # an app may have so many at once, so it may open so many in a burst
_AUTH_TESTS = 600  # a minute: "hundreds", says its page; chat.getPermalink has no tier either


@dataclass(slots=True)
class _Bucket:
    rate: float
    size: float
    level: float
    at: float

    def wait(self, now: float) -> float:
        """Take one; the seconds until that works, 0 when it did."""
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now
        if self.level >= 1:
            self.level -= 1
            return 0.0
        return (1 - self.level) / self.rate


@dataclass(slots=True)
class Rates:
    """How often each method may be called.

    Attributes:
        clock: Seconds.
        enabled: False lets everything through.
        post_rate, post_burst: chat.postMessage, a second and at once, for each channel.
        scale: Multiplies every rate of the tiers, for benchmarks.
    """

    clock: Callable[[], float]
    enabled: bool = True
    post_rate: float = 1.0
    post_burst: int = 5
    scale: float = 1.0

    _buckets: dict[tuple[str, str], _Bucket] | None = None

    def wait(self, method: str, channel: str) -> int:
        """The whole seconds that a call must wait, 0 when it may go."""
        if not self.enabled:
            return 0
        if self._buckets is None:
            self._buckets = {}
        key = (method, channel if method == "chat.postMessage" else "")
        if key not in self._buckets:
            self._buckets[key] = self._new(method)
        return math.ceil(self._buckets[key].wait(self.clock()))

    def _new(self, method: str) -> _Bucket:
        if method == "chat.postMessage":
            return _Bucket(self.post_rate, self.post_burst, self.post_burst, self.clock())
        if method == "apps.connections.open":
            return _Bucket(_TIERS[1] / 60, _CONNECTIONS, _CONNECTIONS, self.clock())
        minute = (_TIERS[_TIER_OF[method]] if method in _TIER_OF else _AUTH_TESTS) * self.scale
        return _Bucket(minute / 60, minute, minute, self.clock())
