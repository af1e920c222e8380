"""The same pretend Slack driven over HTTP, for tests and benchmarks that run it as a process of its own.

Every verb is `POST /_control/<verb>` with the named arguments as a JSON object, and answers JSON. It listens on a port
of its own, so that it can be reached while Slack refuses connections. What nobody could do in Slack is 409, an
argument that is not known 400, a wait in vain 408; each with `{"error": sentence}`.
"""

import asyncio
import dataclasses
import json
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from playground.slack.delivery import Delivery
from playground.slack.errors import NotPossibleError
from playground.slack.faults import Down, Fault, Hold, Kind, RateLimited, Refused, ResetAfter, ResetBefore, Slow
from playground.slack.server import PretendSlack
from playground.slack.workspace import Message

_KINDS: Mapping[str, type[Kind]] = {
    each.__name__: each for each in (Down, Hold, RateLimited, Refused, ResetAfter, ResetBefore, Slow)
}
_AS_THEY_ARE = (
    *("command", "global_shortcut", "message_shortcut", "type_in", "submit", "close_view", "options", "say"),
    *("post_as_workflow", "reload"),
    *("archive", "unarchive", "delete_channel", "share", "unshare", "change_channel_id", "invite", "kick"),
    *("change_person", "stop_listening", "listen"),
)
"""Verbs that are methods of PretendSlack with the same arguments."""

Verb = Callable[..., Awaitable[Any]]


class Control:
    """The server of the control API; an async context manager.

    Args:
        slack: What is driven, open already.
    """

    def __init__(self, slack: PretendSlack) -> None:
        self._slack = slack
        self._faults: list[Fault] = []
        self._runner: web.AppRunner | None = None
        self.url = ""
        self._verbs: dict[str, Verb] = {name: getattr(slack, name) for name in _AS_THEY_ARE} | {
            "request_url": self.request_url,
            "press": self.press,
            "redeliver": self.redeliver,
            "redeliver_event": self.redeliver_event,
            "edit": self.edit,
            "delete": self.delete,
            "react": self.react,
            "unreact": self.unreact,
            "retry_after": self.retry_after,
            "told": self.told,
            "fault": self.fault,
            "arrived": self.arrived,
            "clear_faults": self.clear_faults,
            "rates": self.rates,
            "disconnect": slack.sockets.disconnect,
            "cut": slack.sockets.cut,
            "calls": self.calls,
            "messages": self.messages,
            "thread": self.thread,
            "ephemerals": self.ephemerals,
            "pings": self.pings,
            "snapshot": self.snapshot,
            "until": self.until,
        }

    async def request_url(self, url: str) -> None:
        """Where Slack posts to in HTTP mode."""
        self._slack.request_url = url

    async def press(
        self,
        user: str,
        action_id: str,
        value: Any = None,
        *,
        channel: str = "",
        ts: str = "",
        view: str = "",
        block_id: str = "",
        copies: int = 1,
    ) -> Any:
        """Press in a view, or in the message or the ephemeral `ts` of a channel."""
        if view:
            return await self._slack.press(user, view, action_id, value, block_id=block_id, copies=copies)
        target = self._slack.channel(channel).history.get(ts) or self._slack.ephemeral(ts)
        return await self._slack.press(user, target, action_id, value, block_id=block_id, copies=copies)

    async def redeliver(self, delivery: dict[str, Any], retry: int = 0, reason: str = "") -> Any:
        """Send the `delivery` of an outcome once more."""
        return await self._slack.redeliver(Delivery(**delivery), retry=retry, reason=reason)

    async def redeliver_event(
        self, channel: str, ts: str, retry: int = 1, reason: str = "", *, new_id: bool = False
    ) -> Any:
        """Send the newest event about a message once more."""
        told = self._slack.told_of(self._message(channel, ts))
        return await self._slack.redeliver(told, retry=retry, reason=reason, new_id=new_id)

    async def edit(self, user: str, channel: str, ts: str, text: str, **more: Any) -> Any:
        """Change one's own message."""
        return await self._slack.edit(user, self._message(channel, ts), text, **more)

    async def delete(self, user: str, channel: str, ts: str) -> None:
        """Delete a message."""
        await self._slack.delete(user, self._message(channel, ts))

    async def react(self, user: str, channel: str, ts: str, name: str) -> None:
        """Give a message an emoji."""
        await self._slack.react(user, self._message(channel, ts), name)

    async def unreact(self, user: str, channel: str, ts: str, name: str) -> None:
        """Take it back."""
        await self._slack.unreact(user, self._message(channel, ts), name)

    async def retry_after(self, seconds: list[float]) -> None:
        """Seconds between the tries of an event that the app did not take."""
        self._slack.retry_after = tuple(seconds)

    async def told(self, since: int = 0) -> Any:
        """Events that the app was told of, with its answers, from the `since`th on."""
        return self._slack.told[since:]

    def _message(self, channel: str, ts: str) -> Message:
        message = self._slack.channel(channel).history.get(ts)
        if message is None:
            raise NotPossibleError(f"there is no message {ts} in {channel}")
        return message

    async def fault(
        self, kind: str, method: str = "*", times: int | None = None, every: int = 1, **more: Any
    ) -> dict[str, int]:
        """Put a fault in force, by the name of its class with its attributes; answers its `fault` number."""
        if kind not in _KINDS:
            raise NotPossibleError(f"there is no fault {kind}; there are {', '.join(_KINDS)}")
        self._faults.append(self._slack.fault(_KINDS[kind](**more), method, times, every=every))
        return {"fault": len(self._faults) - 1}

    async def arrived(self, fault: int, seconds: float = 10.0) -> None:
        """Wait until the first call has met a fault."""
        async with asyncio.timeout(seconds):
            await self._faults[fault].arrived.wait()

    async def clear_faults(self, fault: int | None = None) -> None:
        """End one fault, or all; held calls go on."""
        self._slack.clear_faults(None if fault is None else self._faults[fault])

    async def rates(self, **changes: Any) -> None:
        """Change attributes of Rates: enabled, post_rate, post_burst, scale."""
        known = {"enabled", "post_rate", "post_burst", "scale"}
        if set(changes) - known:
            raise TypeError(f"rates are {', '.join(sorted(known))}")
        for name, value in changes.items():
            setattr(self._slack.rates, name, value)

    async def calls(self, method: str = "", since: int = 0) -> Any:
        """Calls of the Web API from the `since`th on, of one method or all."""
        return [each for each in self._slack.calls[since:] if method in {"", each.method}]

    async def messages(self, channel: str) -> Any:
        """What was written in a channel, oldest first, without replies."""
        return self._slack.channel(channel).messages

    async def thread(self, ts: str) -> Any:
        """The replies to a message."""
        return self._slack.thread(ts)

    async def ephemerals(self) -> Any:
        """All that are on a screen."""
        return self._slack.ephemerals

    async def pings(self) -> Any:
        """Every message that notified somebody."""
        return self._slack.pings

    async def snapshot(self, user: str) -> Any:
        """All that a person sees."""
        return self._slack.snapshot(user)

    async def until(
        self,
        method: str = "",
        count: int = 1,
        channel: str = "",
        contains: str = "",
        sockets: int = 0,
        seconds: float = 10.0,
    ) -> None:
        """Wait for one thing.

        Args:
            method: That `count` calls of it went well.
            count: Of the calls, or of the messages.
            channel: That `count` messages of it, replies too, contain a text somewhere.
            contains: That text.
            sockets: That so many WebSockets are connected.
            seconds: At most.
        """

        def holds(slack: PretendSlack) -> bool:
            if sockets:
                return slack.sockets.count >= sockets
            if method:
                return sum(each.ok for each in slack.called(method)) >= count
            written = (json.dumps([each.text, each.blocks]) for each in slack.channel(channel).history.values())
            return sum(json.dumps(contains)[1:-1] in each for each in written) >= count

        await self._slack.until(holds, seconds)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/_control/{verb}", self._serve)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/_control/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.Response:
        verb = self._verbs.get(request.match_info["verb"])
        if verb is None:
            return _refuse(404, f"there is no such verb; there are {', '.join(sorted(self._verbs))}")
        try:
            arguments = json.loads(await request.text() or "{}")
            answer = await verb(**arguments)
        except NotPossibleError as error:
            return _refuse(409, str(error))
        except TimeoutError as error:
            return _refuse(408, str(error) or "it did not happen in time")
        except (TypeError, ValueError) as error:
            return _refuse(400, str(error))
        return web.json_response(answer, dumps=lambda value: json.dumps(value, default=_write))


def _refuse(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)


def _write(value: object) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
