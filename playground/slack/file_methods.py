"""files.*: the three steps of an upload, what is known of a file, and taking one away."""

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import puremagic
from aiohttp import web

from playground.slack.chat_methods import ChatMethods
from playground.slack.conversation_methods import ConversationMethods
from playground.slack.errors import NotPossibleError, SlackError
from playground.slack.records import Records
from playground.slack.web_api import Arguments, Method, need, required
from playground.slack.workspace import BOT, BOT_USER, TEAM, Message, Person, Workspace

_ALT = 1_000  # characters of a picture's description
_MOST = 1024**3  # bytes of a file
_UNKNOWN = "application/octet-stream"


@dataclass(slots=True)
class File:
    """A file of the workspace.

    Attributes:
        id: `F…`.
        name, title, alt: As given.
        length: Bytes that were announced.
        user: Whose it is.
        content: Its bytes, None until they came.
        complete: Whether its upload was finished; before that nobody knows it.
        shares: Where it stands: the channel, the message and its thread.
    """

    id: str
    name: str
    title: str
    alt: str
    length: int
    user: str
    content: bytes | None = None
    complete: bool = False
    shares: list[tuple[str, str, str]] = field(default_factory=list)


class FileMethods:
    """What a bot may do with files.

    Args:
        workspace: Where they are shown.
        records: Told of each change.
        channels: Knows which channels the bot may know of.
        chat: Posts messages.
        scopes: Of the bot's token.
        bot_token: Opens private files.
        origin: Of this server.

    Attributes:
        files: By id, also those whose upload was never finished.
    """

    def __init__(
        self,
        workspace: Workspace,
        records: Records,
        channels: ConversationMethods,
        chat: ChatMethods,
        scopes: tuple[str, ...],
        bot_token: str,
        origin: Callable[[], str],
    ) -> None:
        self.files: dict[str, File] = {}
        self._uploads: dict[str, File] = {}
        self._workspace = workspace
        self._records = records
        self._channels = channels
        self._chat = chat
        self._scopes = scopes
        self._bot_token = bot_token
        self._origin = origin

    def add(self, person: Person, name: str, content: bytes) -> dict[str, Any]:
        """A person's own file, as events and forms have it; of another company's only its id is told."""
        file = File(
            f"F0{secrets.token_hex(4).upper()}", name, name, "", len(content), person.id, content, complete=True
        )
        self.files[file.id] = file
        return self.write(file.id) if person.team == TEAM else {"id": file.id, "file_access": "check_file_info"}

    def write(self, name: str) -> dict[str, Any]:
        """A file as the Web API has it.

        Raises:
            NotPossibleError: There is none.
        """
        if name not in self.files:
            raise NotPossibleError(f"there is no file {name}")
        return self._write(self.files[name])

    def table(self) -> dict[str, Method]:
        """The methods by name."""
        return {
            "files.getUploadURLExternal": self.get_upload_url,
            "files.completeUploadExternal": self.complete,
            "files.info": self.info,
            "files.delete": self.delete,
        }

    def get_upload_url(self, arguments: Arguments) -> dict[str, Any]:
        """files.getUploadURLExternal: a file without bytes, and an address that takes them once."""
        need(self._scopes, "files:write")
        name, length = required(arguments, "filename", "length")
        if not length.isdigit() or not 0 < int(length) <= _MOST:
            raise SlackError("invalid_arguments")
        alt = str(arguments.get("alt_txt") or "")
        if len(alt) > _ALT:
            raise SlackError("alt_txt_too_large")
        file = File(f"F0{secrets.token_hex(4).upper()}", name, name, alt, int(length), BOT_USER)
        ticket = secrets.token_urlsafe(24)
        self.files[file.id] = self._uploads[ticket] = file
        return {"upload_url": f"{self._origin()}/upload/v1/{ticket}", "file_id": file.id}

    def take(self, ticket: str, content: bytes) -> dict[str, Any]:
        """The bytes of a file; the address takes them once, and only as many as were announced."""
        file = self._uploads.pop(ticket, None)
        if file is None:
            raise SlackError("no_such_upload", status=404)
        if len(content) != file.length:
            raise SlackError("not_the_announced_length", status=400)
        file.content = content
        return {}

    def complete(self, arguments: Arguments) -> dict[str, Any]:
        """files.completeUploadExternal: the files are there for good, and stand in a channel when one is named."""
        need(self._scopes, "files:write")
        (listed,) = required(arguments, "files")
        files = [self._uploaded(each) for each in _read_list(listed)]
        where = str(arguments.get("channel_id") or "")
        channel = self._channels.find(where) if where else None
        if channel is not None and channel.archived:
            raise SlackError("is_archived")
        if channel is not None and not channel.has_bot:
            raise SlackError("not_in_channel")
        thread = str(arguments.get("thread_ts") or "")
        if channel is not None and thread and thread not in channel.history:
            raise SlackError("thread_not_found")
        for file in files:
            file.complete = True
        if channel is not None:
            message = Message(
                channel.id,
                self._workspace.ts(),
                BOT_USER,
                str(arguments.get("initial_comment") or ""),
                thread_ts=thread,
                bot_id=BOT,
                subtype="file_share",
                files=tuple(self._write(file) for file in files),
            )
            for file in files:
                file.shares.append((channel.id, message.ts, thread))
            self._chat.post(channel, message)
        return {"files": [{"id": file.id, "title": file.title} for file in files]}

    def info(self, arguments: Arguments) -> dict[str, Any]:
        """files.info."""
        need(self._scopes, "files:read")
        file = self._known(arguments)
        shares: dict[str, dict[str, list[dict[str, str]]]] = {}
        for channel, ts, thread in file.shares:
            kind = "public" if self._workspace.conversations[channel].kind == "public" else "private"
            place = {"ts": ts} | ({"thread_ts": thread} if thread else {})
            shares.setdefault(kind, {}).setdefault(channel, []).append(place)
        return {"file": self._write(file) | {"shares": shares}, "comments": []}

    def delete(self, arguments: Arguments) -> dict[str, Any]:
        """files.delete: it is gone from every message; one that had nothing else is gone as well."""
        need(self._scopes, "files:write")
        file = self._known(arguments)
        del self.files[file.id]
        for where, ts, _ in file.shares:
            message = self._workspace.conversations[where].history.get(ts)
            if message is None or message.subtype == "tombstone":
                continue
            left = tuple(each for each in message.files if each["id"] != file.id)
            if left or message.text:
                self._chat.change(replace(message, files=left))
            else:
                self._chat.remove(message)
        return {}

    def serve(self, name: str, authorization: str) -> web.Response:
        """A private file; without a token Slack answers a page to log in, with 200."""
        file = self.files.get(name)
        allowed = authorization == f"Bearer {self._bot_token}" and "files:read" in self._scopes
        if file is None or file.content is None or not allowed:
            return web.Response(text="<!DOCTYPE html><title>Sign in to Slack</title>", content_type="text/html")
        return web.Response(body=file.content, content_type=_sniff(file.content))

    def show(self, name: str) -> web.Response:
        """A file as Slack's own client gets it, for the page."""
        file = self.files.get(name)
        if file is None or file.content is None:
            raise web.HTTPNotFound
        return web.Response(body=file.content, content_type=_sniff(file.content))

    def _uploaded(self, listed: dict[str, Any]) -> File:
        file = self.files.get(str(listed.get("id") or ""))
        if file is None or file.content is None:
            raise SlackError("file_not_found")
        file.title = str(listed.get("title") or file.name)
        return file

    def _known(self, arguments: Arguments) -> File:
        (name,) = required(arguments, "file")
        file = self.files.get(name)
        if file is None or not file.complete:
            raise SlackError("file_not_found")
        return file

    def _write(self, file: File) -> dict[str, Any]:
        assert file.content is not None
        mimetype = _sniff(file.content)
        address = f"{self._origin()}/files-pri/{TEAM}-{file.id}"
        return {
            "id": file.id,
            "name": file.name,
            "title": file.title,
            "alt_txt": file.alt,
            "mimetype": mimetype,
            "filetype": mimetype.rpartition("/")[2],
            "size": len(file.content),
            "mode": "hosted",
            "user": file.user,
            "url_private": f"{address}/{file.name}",
            "url_private_download": f"{address}/download/{file.name}",
            "permalink": f"https://acme.slack.com/files/{file.user}/{file.id}/{file.name}",
        }


def _read_list(listed: Any) -> list[dict[str, Any]]:
    try:
        files = json.loads(listed) if isinstance(listed, str) else listed
    except ValueError:
        files = None
    if not isinstance(files, list) or not files or not all(isinstance(each, dict) for each in files):
        raise SlackError("invalid_arguments")
    return files


def _sniff(content: bytes) -> str:
    try:
        return puremagic.from_string(content, mime=True) or _UNKNOWN
    except puremagic.PureError:
        return _UNKNOWN
