"""What every endpoint of the pretend CarrierX does with a request: judge its token, befall it, cut its list."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from aiohttp import web

from playground.carrier import query
from playground.carrier.checks import InvalidError
from playground.carrier.faults import Endpoint
from playground.carrier.mishaps import AnsweredError, answer_with, befall_after, befall_before, refuse_with
from playground.carrier.model import Request

if TYPE_CHECKING:
    from playground.carrier.server import PretendCarrier


class Reception:
    """The front desk of one carrier."""

    def __init__(self, carrier: "PretendCarrier") -> None:
        self._carrier = carrier

    def arrive(self, request: web.Request, scopes: frozenset[str]) -> None:
        """Note a request and judge its token.

        Raises:
            AnsweredError: 401 or 403.
        """
        carrier = self._carrier
        carrier.requests.append(Request(request.method, request.path, request.query_string))
        carrier.changed()
        granted = carrier.tokens.get(read_token(request))
        if granted is None:
            raise AnsweredError(refuse_with(401, "unauthorized", "Bad credentials"))
        if scopes and not scopes & granted:
            needed = ", ".join(sorted(scopes))
            raise AnsweredError(refuse_with(403, "forbidden", f"the token needs one of {needed}"))

    async def read(
        self, request: web.Request, on: Endpoint, scopes: frozenset[str], answer: Callable[[], web.Response]
    ) -> web.StreamResponse:
        """Answer what changes nothing, as badly as asked."""
        self.arrive(request, scopes)
        armed = self._carrier.faults.take(on, (), before=True)
        if armed is not None:
            await befall_before(request, armed)
        armed = self._carrier.faults.take(on, (), before=False)
        return answer() if armed is None else await befall_after(request, armed, answer(), self._carrier.pause)

    def list_rows(self, request: web.Request, rows: list[dict[str, Any]], sid: str) -> web.Response:
        """One page of a list, as the query wants it."""
        behaviour = self._carrier.behaviour
        origin = behaviour.next_origin or self._carrier.origin

        def address(arguments: dict[str, str]) -> str | None:
            return None if origin == "none" else f"{origin}{request.path}?{urlencode(arguments)}"

        try:
            if "filter" in request.query and not behaviour.ignore_filter:
                rows = query.select(rows, request.query["filter"])
            if "order" in request.query:
                rows = query.sort(rows, request.query["order"])
            page = query.cut(rows, request.query, sid=sid, most=behaviour.page_limit, address=address)
        except query.UnreadableQueryError:
            return refuse_with(400, "Bad Request", "the query cannot be read")
        except query.UnknownCursorError:
            return answer_unknown()
        except InvalidError as error:
            return refuse_with(422, "object validation error", str(error), error.field)
        return answer_with(page)


def read_token(request: web.Request) -> str:
    """The bearer token, "" for none."""
    return request.headers.get("Authorization", "").removeprefix("Bearer ")


def read_object(request: web.Request, raw: bytes) -> dict[str, Any]:
    """The JSON object of a POST.

    Raises:
        AnsweredError: 415 or 400.
    """
    if request.content_type != "application/json":
        raise AnsweredError(refuse_with(415, "Unsupported media type", "Content-Type must be application/json"))
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise AnsweredError(refuse_with(400, "Bad Request", "No JSON object could be decoded"))
    return body


def answer_unknown() -> web.Response:
    """The documented 404."""
    return refuse_with(404, "no item error", "cannot find item by sid")
