"""Slack's files: uploaded in three steps, looked for after a lost answer, and taken away.

The second step goes to an address that Slack names, with the file's bytes and no token; it must be one of Slack's.
"""

from collections.abc import Awaitable, Sequence
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.media import MAX_FILE, SlackFile, show_size
from bot.services.pictures import Fetched, FetchError, ShareError
from bot.slack.web_client import (
    SlackCallError,
    SlackRefusedError,
    SlackThrottledError,
    SlackUnauthorizedError,
    SlackUnknownError,
    ask,
    is_slacks,
)

_UPLOAD = aiohttp.ClientTimeout(total=60, connect=5)  # seconds; ten megabytes over a slow line
_DOWNLOAD = aiohttp.ClientTimeout(total=120, connect=5)
_OK = 200
_MOVED = frozenset({301, 302, 303, 307, 308})
_NO_SCOPE = "the app lacks a scope for files: install it again with the new manifest"
_LOST = frozenset({404, 410})
_FORBIDDEN_TRIES = 3
_DELETED = "it was deleted in Slack, or is in a place that I do not see"
_GONE = {"file_not_found", "file_deleted"}
_UNREADY = {"file_not_found", "file_update_failed"}  # as if the bytes had never come
_NAMES = {
    "is_archived": "the channel is archived",
    "not_in_channel": "I am not a member of the channel",
    "channel_not_found": "the channel is gone",
    "thread_not_found": "the thread is gone",
    "posting_to_channel_denied": "the channel takes no posts from apps",
    "file_uploads_disabled": "the workspace takes no files",
    "storage_limit_reached": "the workspace has no room for files left",
}

Answer = TypeVar("Answer")


class Files:
    """What the bot does with Slack's files. Every method raises ShareError and nothing else.

    Args:
        client: From `open_web_client`.
    """

    def __init__(self, client: AsyncWebClient) -> None:
        self._client = client

    async def begin(self, name: str, size: int, alt: str) -> tuple[str, str]:
        """Announce a file; where its bytes go, and Slack's name for it."""
        answer = await _call(self._client.files_getUploadURLExternal(filename=name, length=size, alt_txt=alt))
        url, file_id = str(answer.get("upload_url") or ""), str(answer.get("file_id") or "")
        if not file_id or not is_slacks(url, self._client.base_url):
            raise ShareError("Slack named no place for the file")
        return url, file_id

    async def upload(self, url: str, content: bytes) -> None:
        """Give Slack the bytes; nobody sees them yet, so it may be done again."""
        assert self._client.session is not None
        try:
            async with self._client.session.post(
                url, data=content, allow_redirects=False, timeout=_UPLOAD, headers={"Content-Type": _BYTES}
            ) as answer:
                if not answer.ok:
                    raise ShareError(f"Slack answers {answer.status} to the file")
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise ShareError("Slack does not take the file") from exc

    async def fetch(self, file: SlackFile) -> Fetched:
        """A file's bytes, with our token, which goes to Slack's hosts alone.

        Raises:
            FetchError: They cannot be had, now or ever.
        """
        try:
            known = (await ask(self._client.files_info(file=file.id))).get("file") or {}
        except SlackCallError as exc:
            raise _explain(exc) from exc
        url = str(known.get("url_private_download") or known.get("url_private") or "")
        if not is_slacks(url, self._client.base_url):
            raise FetchError("it is not kept in Slack, so it cannot be fetched: share it as a link", final=True)
        content = await self._download(url)
        return Fetched(content, file.kind, "")  # what it really is, its bytes will tell

    async def _download(self, url: str) -> bytes:
        assert self._client.session is not None
        headers = {"Authorization": f"Bearer {self._client.token}"}
        content = bytearray()
        try:
            # A redirect would take the token along.
            async with self._client.session.get(
                url, headers=headers, allow_redirects=False, timeout=_DOWNLOAD
            ) as answer:
                if answer.status in _MOVED:  # the way to the same page
                    raise FetchError(_NO_SCOPE, final=True, mendable=True)
                if answer.status in _LOST:
                    raise FetchError(_DELETED, final=True)
                if answer.status == HTTPStatus.FORBIDDEN:  # also for a moment, while Slack still takes the file in
                    raise FetchError("Slack does not give it to me: share it anew", final=False, tries=_FORBIDDEN_TRIES)
                if answer.status != _OK:
                    raise FetchError(f"Slack answers {answer.status} when asked for it", final=False)
                if answer.content_type == "text/html":  # the page to log in: what Slack says without the scope
                    raise FetchError(_NO_SCOPE, final=True, mendable=True)
                async for chunk in answer.content.iter_any():
                    content += chunk
                    if len(content) > MAX_FILE:
                        raise FetchError(f"it is larger than {show_size(MAX_FILE)}", final=True)
        except (aiohttp.ClientError, TimeoutError, OSError) as exc:
            raise FetchError("Slack does not answer", final=False) from exc
        return bytes(content)

    async def share(self, files: Sequence[tuple[str, str]], channel: str, thread_ts: str) -> None:
        """Show files, each by its name and title, in one reply."""
        listed: list[dict[str, str | None]] = [{"id": file_id, "title": title} for file_id, title in files]
        try:
            await ask(self._client.files_completeUploadExternal(files=listed, channel_id=channel, thread_ts=thread_ts))
        except SlackRefusedError as exc:
            if exc.code in _UNREADY:
                raise ShareError(f"Slack refused with {exc.code}") from exc
            raise _translate(exc) from exc
        except SlackCallError as exc:
            raise _translate(exc) from exc

    async def stands(self, file_id: str, channel: str) -> bool | None:
        """Whether a file stands in a channel; None when Slack knows no such file."""
        try:
            answer = await ask(self._client.files_info(file=file_id))
        except SlackRefusedError as exc:
            if exc.code in _GONE:
                return None
            raise _translate(exc) from exc
        except SlackCallError as exc:
            raise _translate(exc) from exc
        return channel in _read_channels(answer)

    async def remove(self, file_id: str) -> None:
        """Take a file away; fine when it is gone."""
        try:
            await ask(self._client.files_delete(file=file_id))
        except SlackRefusedError as exc:
            if exc.code not in _GONE:
                raise _translate(exc) from exc
        except SlackCallError as exc:
            raise _translate(exc) from exc


_BYTES = "application/octet-stream"


async def _call(call: Awaitable[Any]) -> dict[str, Any]:
    try:
        return await ask(call)
    except SlackCallError as exc:
        raise _translate(exc) from exc


def _translate(exc: SlackCallError) -> ShareError:
    match exc:
        case SlackThrottledError(retry_after=wait):
            return ShareError(str(exc), wait=wait)
        case SlackUnknownError():
            return ShareError(str(exc), unknown=True)
        case SlackUnauthorizedError(code="missing_scope"):
            return ShareError(_NO_SCOPE, final=True)
        case SlackRefusedError(code=code):
            return ShareError(_NAMES.get(code, f"Slack refused with {code}"), final=True)
        case _:  # unreachable, or the token is refused: an operator must look, and it waits
            return ShareError(str(exc))


def _explain(exc: SlackCallError) -> FetchError:
    match exc:
        case SlackUnauthorizedError(code="missing_scope"):
            return FetchError(_NO_SCOPE, final=True, mendable=True)
        case SlackRefusedError(code=code) if code in _GONE:
            return FetchError(_DELETED, final=True)
        case SlackRefusedError(code=code):
            return FetchError(f"Slack refused with {code}", final=True)
        case _:
            return FetchError(str(exc), final=False)


def _read_channels(answer: dict[str, Any]) -> set[str]:
    """Where a file stands, public and private."""
    shares = (answer.get("file") or {}).get("shares") or {}
    return {channel for kind in shares.values() if isinstance(kind, dict) for channel in kind}
