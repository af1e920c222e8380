"""The storage endpoints of the pretend CarrierX, and the addresses at which everybody reads what is published."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aiohttp import BodyPartReader, web

from playground.carrier.checks import InvalidError
from playground.carrier.faults import Endpoint
from playground.carrier.mishaps import AnsweredError, answer_with, befall_after, befall_before, refuse_with
from playground.carrier.reception import Reception, answer_unknown, read_object
from playground.carrier.render import render_container, render_file
from playground.carrier.storage import Container, File, FullError

if TYPE_CHECKING:
    from playground.carrier.server import PretendCarrier

_CREATE = frozenset({"storage.manage", "storage.create"})
_READ = frozenset({"storage.manage", "storage.read"})
_UPDATE = frozenset({"storage.manage", "storage.update"})  # a guess, by the others
_DELETE = frozenset({"storage.manage", "storage.delete"})
_OF_A_FILE = ("container_sid", "name")  # of the bare upload's query, as documented


def make_routes(carrier: "PretendCarrier") -> list[web.RouteDef]:
    """Where storage is."""
    api = _StorageApi(carrier)
    containers, files = "/core/v2/storage/containers", "/core/v2/storage/files"
    return [
        web.get(containers, api.containers),
        web.post(containers, api.make_container),
        web.get(f"{containers}/{{sid}}", api.container),
        web.patch(f"{containers}/{{sid}}", api.change_container),
        web.delete(f"{containers}/{{sid}}", api.delete_container),
        web.get(files, api.files),
        web.post(files, api.upload),
        web.get(f"{files}/{{sid}}", api.file),
        web.patch(f"{files}/{{sid}}", api.change_file),
        web.delete(f"{files}/{{sid}}", api.delete_file),
        web.get("/f/{sid}", api.published),
        web.get("/c/{container}/{name}", api.published),
        web.get("/received/{sid}/{place}", api.received),
    ]


class _StorageApi:
    def __init__(self, carrier: "PretendCarrier") -> None:
        self._carrier = carrier
        self._reception = Reception(carrier)

    async def containers(self, request: web.Request) -> web.StreamResponse:
        """All containers."""

        def answer() -> web.Response:
            rows = [self._render_container(each) for each in self._carrier.storage.containers.values()]
            return self._reception.list_rows(request, rows, "container_sid")

        return await self._reception.read(request, "storage", _READ, answer)

    async def container(self, request: web.Request) -> web.StreamResponse:
        """One container."""

        def answer() -> web.Response:
            return answer_with(self._render_container(self._find_container(request)))

        return await self._reception.read(request, "storage", _READ, answer)

    async def make_container(self, request: web.Request) -> web.StreamResponse:
        """One more container."""
        raw = await request.read()

        def make() -> web.Response:
            storage, behaviour = self._carrier.storage, self._carrier.behaviour
            return answer_with(self._render_container(storage.make_container(read_object(request, raw), behaviour)))

        return await self._change(request, "storage", _CREATE, make)

    async def change_container(self, request: web.Request) -> web.StreamResponse:
        """Some attributes of a container."""
        raw = await request.read()

        def change() -> web.Response:
            container = self._find_container(request)
            self._carrier.storage.change_container(container, read_object(request, raw))
            return answer_with(self._render_container(container))

        return await self._change(request, "storage", _UPDATE, change)

    async def delete_container(self, request: web.Request) -> web.StreamResponse:
        """A container and what is in it."""

        def delete() -> web.Response:
            self._carrier.storage.delete_container(self._find_container(request))
            return web.Response(status=204)

        return await self._change(request, "storage", _DELETE, delete)

    async def files(self, request: web.Request) -> web.StreamResponse:
        """All files."""

        def answer() -> web.Response:
            rows = [self._render_file(each) for each in self._carrier.storage.files.values()]
            return self._reception.list_rows(request, rows, "file_sid")

        return await self._reception.read(request, "storage", _READ, answer)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """What is known of one file."""

        def answer() -> web.Response:
            return answer_with(self._render_file(self._find_file(request)))

        return await self._reception.read(request, "storage", _READ, answer)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """Keep a file, sent in either of the two documented ways."""
        read = await _read_form(request) if request.content_type == "multipart/form-data" else await _read_bare(request)

        def keep() -> web.Response:
            if isinstance(read, web.Response):
                return read
            attributes, content, kind = read
            container = self._name_container(attributes.pop("container_sid", None))
            file = self._carrier.storage.add(container, attributes, content, kind, self._carrier.behaviour)
            return web.json_response(self._render_file(file), status=201)

        return await self._change(request, "upload", _CREATE, keep)

    def _name_container(self, sid: object) -> Container:
        if not isinstance(sid, str):
            raise InvalidError("container_sid", "field is required")
        container = self._carrier.storage.containers.get(sid)
        if container is None:
            if self._carrier.behaviour.unknown_container == "invalid":
                raise InvalidError("container_sid", "no such container")
            raise AnsweredError(answer_unknown())
        return container

    async def change_file(self, request: web.Request) -> web.StreamResponse:
        """Some attributes of a file."""
        raw = await request.read()

        def change() -> web.Response:
            file = self._find_file(request)
            self._carrier.storage.change(file, read_object(request, raw))
            return answer_with(self._render_file(file))

        return await self._change(request, "storage", _UPDATE, change)

    async def delete_file(self, request: web.Request) -> web.StreamResponse:
        """One file."""

        def delete() -> web.Response:
            self._carrier.storage.delete(self._find_file(request))
            return web.Response(status=204)

        return await self._change(request, "removal", _DELETE, delete)

    async def published(self, request: web.Request) -> web.Response:
        """A file, for everybody who knows where it is."""
        file = self._carrier.storage.published(request.path)
        if file is None:
            return refuse_with(404, "Not Found", "no such file")
        return web.Response(body=file.content, headers={"Content-Type": file.kind})

    async def received(self, request: web.Request) -> web.Response:
        """A phone's copy of what was sent to it, which outlives the file."""
        media = self._carrier.received(request.match_info["sid"])
        place = request.match_info["place"]
        if not place.isdecimal() or int(place) >= len(media):
            return refuse_with(404, "Not Found", "no such file")
        copy = media[int(place)]
        return web.Response(body=copy.content, headers={"Content-Type": copy.kind})

    async def _change(
        self, request: web.Request, on: Endpoint, scopes: frozenset[str], change: Callable[[], web.Response]
    ) -> web.StreamResponse:
        """Judge, befall and change; `before` and `after` of a fault mean the change."""
        carrier = self._carrier
        self._reception.arrive(request, scopes)
        armed = carrier.faults.take(on, (), before=True)
        if armed is not None:
            await befall_before(request, armed)
        try:
            answer = change()
        except InvalidError as error:
            return refuse_with(422, "object validation error", str(error), error.field)
        except FullError as error:
            return refuse_with(carrier.behaviour.full_status, "limit exceeded", str(error), error.field)
        carrier.changed()
        armed = carrier.faults.take(on, (), before=False)
        return answer if armed is None else await befall_after(request, armed, answer, carrier.pause)

    def _find_container(self, request: web.Request) -> Container:
        container = self._carrier.storage.containers.get(request.match_info["sid"])
        if container is None:
            raise AnsweredError(answer_unknown())
        return container

    def _find_file(self, request: web.Request) -> File:
        file = self._carrier.storage.files.get(request.match_info["sid"])
        if file is None:
            raise AnsweredError(answer_unknown())
        return file

    def _render_container(self, container: Container) -> dict[str, Any]:
        return render_container(container, self._carrier.storage.count(container), self._carrier.publish_domain)

    def _render_file(self, file: File) -> dict[str, Any]:
        domain = self._carrier.publish_domain if self._carrier.behaviour.publish_uri_given else ""
        return render_file(file, domain)


Upload = tuple[dict[str, Any], bytes, str]


async def _read_form(request: web.Request) -> Upload | web.Response:
    """`file_object` and `data`; in its place what is wrong with them, to be said when the token has been judged."""
    attributes: Any = None
    data: tuple[bytes, str] | None = None
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.name not in {"file_object", "data"}:
                return refuse_with(422, "object validation error", "unknown part", None)
            content = bytes(await part.read())
            if part.name == "file_object":
                attributes = json.loads(content)
            else:
                data = (content, part.headers.get("Content-Type", ""))
    except (ValueError, RecursionError):
        return refuse_with(400, "Bad Request", "No JSON object could be decoded")
    if not isinstance(attributes, dict) or data is None:
        missing = "file_object" if data else "data"
        return refuse_with(422, "object validation error", "field is required", missing)
    return attributes, *data


async def _read_bare(request: web.Request) -> Upload | web.Response:
    """The bytes and the query; of that only what is documented."""
    content = await request.content.read()
    if request.content_type != "application/octet-stream":
        return refuse_with(
            415, "Unsupported media type", "Content-Type must be multipart/form-data or application/octet-stream"
        )
    unknown = next((name for name in request.query if name not in _OF_A_FILE), None)
    if unknown:
        return refuse_with(422, "object validation error", "unknown argument", unknown)
    return dict(request.query), content, ""
