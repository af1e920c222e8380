"""The pretend CarrierX's storage is as strict as the documentation, and plays both answers where that is silent."""

import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientSession, FormData

from playground.carrier import Behaviour, Fault, Kind, PretendCarrier
from playground.carrier.picture import draw
from tests.conftest import FakeClock

OURS, ANNA = "15162065575", "12125550101"
PNG = draw("hill.png")
FREE = {"name": "threadtext", "string_key_1": "threadtext"}


@pytest.fixture
async def carrier(clock: FakeClock) -> AsyncIterator[PretendCarrier]:
    async with PretendCarrier(behaviour=Behaviour(moves=False), clock=clock.now) as carrier:
        yield carrier


@pytest.fixture
async def http(carrier: PretendCarrier) -> AsyncIterator[ClientSession]:
    async with ClientSession(headers={"Authorization": f"Bearer {carrier.token}"}) as session:
        yield session


class Asking:
    """Short ways to ask."""

    def __init__(self, http: ClientSession, carrier: PretendCarrier) -> None:
        self._http, self._carrier = http, carrier

    async def ask(self, method: str, path: str, body: object = None, **query: str) -> tuple[int, dict[str, Any]]:
        url = f"{self._carrier.url}/storage/{path}"
        async with self._http.request(method, url, json=body, params=query) as response:
            return response.status, {} if response.status == 204 else await response.json()

    async def container(self, **attributes: object) -> str:
        _, body = await self.ask("POST", "containers", {**FREE, **attributes})
        return str(body["container_sid"])

    async def upload(
        self, container: str, content: bytes = PNG, *, name: str = "hill.png", kind: str = "image/png", **file: object
    ) -> tuple[int, dict[str, Any]]:
        form = FormData()
        form.add_field("file_object", json.dumps({"container_sid": container, "name": name, **file}))
        form.add_field("data", io.BytesIO(content), filename=name, content_type=kind)
        async with self._http.post(f"{self._carrier.url}/storage/files", data=form) as response:
            return response.status, await response.json()

    async def send(self, *media_urls: str) -> str:
        text = {"from": OURS, "to": ANNA, "media_urls": media_urls}
        async with self._http.post(f"{self._carrier.url}/sms/messages", json=text) as response:
            return str((await response.json())["message_sid"])


@pytest.fixture
def asking(http: ClientSession, carrier: PretendCarrier) -> Asking:
    return Asking(http, carrier)


async def fetch(url: str) -> tuple[int, str, bytes]:
    """As a stranger, without a token."""
    async with aiohttp.request("GET", url) as response:
        return response.status, response.content_type, await response.read()


class TestContainers:
    """Places for files."""

    async def test_account_has_one_and_may_make_one_more(self, asking: Asking):
        """Two by default, as documented."""
        made, body = await asking.ask("POST", "containers", {})
        refused, envelope = await asking.ask("POST", "containers", {})
        _, listed = await asking.ask("GET", "containers")

        assert (made, body["quota_bytes"], body["quota_files"], body["default_file_publish"]) == (
            200,
            1024**3,
            100,
            "file_sid",
        )
        assert (refused, envelope["errors"][0]["field"]) == (422, "containers")
        assert listed["total"] == 2

    async def test_one_is_found_by_its_key(self, asking: Asking):
        """Among others, whose keys are null."""
        sid = await asking.container()

        _, found = await asking.ask("GET", "containers", filter="string_key_1 eq threadtext")

        assert [each["container_sid"] for each in found["items"]] == [sid]
        assert (await asking.ask("GET", f"containers/{sid}"))[1] == found["items"][0]

    async def test_list_has_pages(self, asking: Asking):
        """By offset, as it says itself."""
        await asking.container()

        _, first = await asking.ask("GET", "containers", limit="1")
        _, second = await asking.ask("GET", "containers", limit="1", offset="1")

        assert (first["has_more"], second["has_more"]) == (True, False)
        assert first["items"] != second["items"]

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"total_bytes": 0}, "total_bytes"),
            ({"default_file_lifecycle_action": "burn"}, "default_file_lifecycle_action"),
            ({"default_file_lifecycle_ttl": "soon"}, "default_file_lifecycle_ttl"),
            ({"default_file_lifecycle_ttl": -2}, "default_file_lifecycle_ttl"),
            ({"allow_publish": "yes"}, "allow_publish"),
            ({"allowed_classifications": ["pictures"]}, "allowed_classifications"),
            ({"string_key_1": 5}, "string_key_1"),
            ({"colour": "red"}, "colour"),
        ],
        ids=str,
    )
    async def test_mistake_is_a_422_that_names_the_field(self, asking: Asking, change: dict[str, object], field: str):
        """Made and changed alike."""
        sid = await asking.container()

        for method, path in (("POST", "containers"), ("PATCH", f"containers/{sid}")):
            status, body = await asking.ask(method, path, change)
            assert (status, body["errors"][0]["field"]) == (422, field)

    async def test_one_is_changed(self, asking: Asking):
        """Some attributes; a number may come as a string, as in the documentation's sample."""
        sid = await asking.container()

        status, body = await asking.ask("PATCH", f"containers/{sid}", {"integer_key_1": "39984", "quota_files": 5})

        assert (status, body["integer_key_1"], body["quota_files"], body["name"]) == (200, 39984, 5, "threadtext")

    async def test_one_that_is_deleted_takes_its_files_along(self, asking: Asking, carrier: PretendCarrier):
        """And is unknown from then on."""
        sid = await asking.container()
        await asking.upload(sid)

        assert (await asking.ask("DELETE", f"containers/{sid}"))[0] == 204
        assert (await asking.ask("GET", f"containers/{sid}"))[0] == 404
        assert carrier.stored == []


class TestUploads:
    """Both ways in."""

    async def test_form_is_kept_and_published(self, asking: Asking, carrier: PretendCarrier):
        """201, and everybody can read it."""
        status, body = await asking.upload(await asking.container(), lifecycle_action="delete", lifecycle_ttl=60)

        assert (status, body["file_bytes"], body["mime_type"]) == (201, len(PNG), "image/png")
        assert (body["lifecycle_action"], body["lifecycle_ttl"]) == ("delete", 60)
        assert body["publish_uri"] == f"{carrier.origin}/f/{body['file_sid']}"
        assert await fetch(body["publish_uri"]) == (200, "image/png", PNG)

    async def test_bare_bytes_are_kept(self, http: ClientSession, asking: Asking, carrier: PretendCarrier):
        """The type is told by the name."""
        query = {"container_sid": await asking.container(), "name": "hill.png"}
        headers = {"Content-Type": "application/octet-stream"}
        url = f"{carrier.url}/storage/files"
        async with http.post(url, params=query, headers=headers, data=PNG) as response:
            body = await response.json()

        assert (response.status, body["mime_type"]) == (201, "image/png")
        assert [file.content for file in carrier.stored] == [PNG]

    @pytest.mark.parametrize(
        ("query", "kind", "status"),
        [
            ({"lifecycle_ttl": "60"}, "application/octet-stream", 422),
            ({}, "image/png", 415),
        ],
        ids=["undocumented argument", "type"],
    )
    async def test_bare_bytes_otherwise_than_documented(
        self,
        http: ClientSession,
        asking: Asking,
        carrier: PretendCarrier,
        query: dict[str, str],
        kind: str,
        status: int,
    ):
        """Are refused."""
        query = {"container_sid": await asking.container(), "name": "hill.png", **query}
        url = f"{carrier.url}/storage/files"
        async with http.post(url, params=query, headers={"Content-Type": kind}, data=PNG) as response:
            assert response.status == status

        assert carrier.stored == []

    @pytest.mark.parametrize(
        ("parts", "status"),
        [
            ({"file_object": "{}"}, 422),
            ({"data": "x"}, 422),
            ({"file_object": "{", "data": "x"}, 400),
            ({"file_object": "{}", "data": "x"}, 422),
            ({"file_object": "{}", "data": "x", "more": "x"}, 422),
        ],
        ids=str,
    )
    async def test_form_that_is_none(
        self, http: ClientSession, carrier: PretendCarrier, parts: dict[str, str], status: int
    ):
        """Both parts and a container, and nothing else."""
        form = FormData(default_to_multipart=True)
        for name, value in parts.items():
            form.add_field(name, value)
        async with http.post(f"{carrier.url}/storage/files", data=form) as response:
            assert response.status == status

    async def test_file_lives_as_its_container_says(self, asking: Asking, clock: FakeClock, carrier: PretendCarrier):
        """Where it says nothing itself."""
        sid = await asking.container(default_file_lifecycle_action="delete", default_file_lifecycle_ttl=60)
        _, body = await asking.upload(sid)

        clock.move(59)
        before = await fetch(body["publish_uri"])
        clock.move(1)
        after = await fetch(body["publish_uri"])

        assert (before[0], after[0], carrier.stored) == (200, 404, [])

    async def test_upload_may_have_no_say_in_its_life(self, asking: Asking, carrier: PretendCarrier):
        """The other reading; a PATCH still has."""
        carrier.behave(lives_by="container")
        _, body = await asking.upload(await asking.container(), lifecycle_action="delete", lifecycle_ttl=60)

        _, changed = await asking.ask(
            "PATCH", f"files/{body['file_sid']}", {"lifecycle_action": "delete", "lifecycle_ttl": 60}
        )

        assert (body["lifecycle_ttl"], changed["lifecycle_ttl"]) == (-1, 60)

    @pytest.mark.parametrize(("told_by", "kind"), [("name", "image/png"), ("sender", "image/jpeg")])
    async def test_type_is_told_by_name_or_sender(
        self, asking: Asking, carrier: PretendCarrier, told_by: str, kind: str
    ):
        """Both readings."""
        carrier.behave(kind_by=told_by)

        _, body = await asking.upload(await asking.container(), kind="image/jpeg")

        assert body["mime_type"] == kind

    @pytest.mark.parametrize("status", [403, 409, 413, 422])
    @pytest.mark.parametrize(("quota", "left"), [("quota_files", 1), ("quota_bytes", len(PNG))])
    async def test_full_container_takes_no_more(
        self, asking: Asking, carrier: PretendCarrier, quota: str, left: int, status: int
    ):
        """Of files or of bytes; with which status is unknown. What is deleted makes room."""
        carrier.behave(full_status=status)
        sid = await asking.container(**{quota: left})
        _, first = await asking.upload(sid)

        refused, envelope = await asking.upload(sid)
        await asking.ask("DELETE", f"files/{first['file_sid']}")
        taken, _ = await asking.upload(sid)

        assert (refused, envelope["errors"][0]["field"], taken) == (status, quota, 201)

    @pytest.mark.parametrize(
        ("rules", "status"),
        [
            ({"blocked_classifications": ["media"]}, 422),
            ({"allowed_classifications": ["document"]}, 422),
            ({"allowed_classifications": ["media"]}, 201),
        ],
        ids=str,
    )
    async def test_container_chooses_what_it_takes(self, asking: Asking, rules: dict[str, object], status: int):
        """By class."""
        assert (await asking.upload(await asking.container(**rules)))[0] == status

    @pytest.mark.parametrize(("answer", "status"), [("unknown", 404), ("invalid", 422)])
    async def test_container_that_is_gone(self, asking: Asking, carrier: PretendCarrier, answer: str, status: int):
        """Both readings."""
        carrier.behave(unknown_container=answer)

        assert (await asking.upload("a291fe99-43d6-446f-a63e-91f93030dc7e"))[0] == status

    @pytest.mark.parametrize(
        ("fault", "kept"),
        [
            (Fault(Kind.RESET_BEFORE, on="upload"), 0),
            (Fault(Kind.RESET_AFTER, on="upload"), 1),
        ],
        ids=lambda value: str(value.kind) if isinstance(value, Fault) else str(value),
    )
    async def test_upload_breaks_on_demand(self, asking: Asking, carrier: PretendCarrier, fault: Fault, kept: int):
        """Before it is kept, or after."""
        sid = await asking.container()
        carrier.arm(fault)

        with pytest.raises(aiohttp.ClientError):
            await asking.upload(sid)

        assert len(carrier.stored) == kept

    @pytest.mark.parametrize(
        ("fault", "status", "kept"),
        [
            (Fault(Kind.ERROR_BEFORE, on="upload"), 500, 0),
            (Fault(Kind.LATE, on="upload", seconds=0.05), 201, 1),
        ],
        ids=["500", "slow"],
    )
    async def test_upload_goes_wrong_on_demand(
        self, http: ClientSession, carrier: PretendCarrier, asking: Asking, fault: Fault, status: int, kept: int
    ):
        """An answer that is none, and a slow one."""
        query = {"container_sid": await asking.container(), "name": "hill.png"}
        headers = {"Content-Type": "application/octet-stream"}
        armed = carrier.arm(fault)
        url = f"{carrier.url}/storage/files"
        async with http.post(url, params=query, headers=headers, data=PNG) as response:
            assert response.status == status

        assert (armed.hits, len(carrier.stored)) == (1, kept)


class TestFiles:
    """What became of what was uploaded."""

    async def test_one_is_found_changed_and_deleted(self, asking: Asking):
        """By its id, and in the list."""
        _, body = await asking.upload(await asking.container(), string_key_1="ours")
        path = f"files/{body['file_sid']}"

        _, listed = await asking.ask("GET", "files", filter="string_key_1 eq ours")
        _, changed = await asking.ask("PATCH", path, {"lifecycle_ttl": 5})
        deleted, _ = await asking.ask("DELETE", path)

        assert listed["items"] == [body]
        assert changed == {**body, "lifecycle_ttl": 5}
        assert (deleted, (await asking.ask("DELETE", path))[0], (await asking.ask("GET", path))[0]) == (204, 404, 404)

    async def test_one_may_be_published_by_its_name_or_not_at_all(self, asking: Asking, carrier: PretendCarrier):
        """The other two ways."""
        sid = await asking.container()
        _, named = await asking.upload(sid, publish="file_access_name", file_access_name="hill.png")
        _, hidden = await asking.upload(sid, publish="none")

        assert named["publish_uri"] == f"{carrier.origin}/c/{sid}/hill.png"
        assert (await fetch(named["publish_uri"]))[0] == 200
        assert (await fetch(f"{carrier.origin}/f/{named['file_sid']}"))[0] == 404
        assert hidden["publish_uri"] is None
        assert (await fetch(f"{carrier.origin}/f/{hidden['file_sid']}"))[0] == 404

    async def test_container_may_publish_nothing(self, asking: Asking):
        """Whatever the file says."""
        _, body = await asking.upload(await asking.container(allow_publish=False))

        assert body["publish_uri"] is None

    @pytest.mark.parametrize("domain", ["http://storage-carrierx.com", "https://storage.carrierx.com"])
    async def test_published_under_another_name(self, asking: Asking, carrier: PretendCarrier, domain: str):
        """Both that the documentation shows."""
        carrier.behave(publish_domain=domain)

        _, body = await asking.upload(await asking.container())

        assert body["publish_uri"] == f"{domain}/f/{body['file_sid']}"

    async def test_where_it_is_published_may_be_left_out(self, asking: Asking, carrier: PretendCarrier):
        """Then the container's domain tells."""
        carrier.behave(publish_uri_given=False)

        _, body = await asking.upload(await asking.container())

        assert body["publish_uri"] is None


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("storage.manage", {"list", "make", "upload", "change", "delete"}),
        ("storage.create", {"make", "upload"}),
        ("storage.read", {"list"}),
        ("storage.delete", {"delete"}),
        ("sms.manage", set[str]()),
    ],
)
async def test_token_needs_the_scope(carrier: PretendCarrier, scope: str, allowed: set[str]):
    """403 without; and 401 for a token that is none."""
    async with ClientSession(headers={"Authorization": f"Bearer {carrier.token}"}) as session:
        ours = Asking(session, carrier)
        sid = await ours.container(quota_files=10)
        _, body = await ours.upload(sid)
    carrier.behave(most_containers=9)
    carrier.tokens["weak"] = frozenset({scope})
    async with ClientSession(headers={"Authorization": "Bearer weak"}) as session:
        theirs = Asking(session, carrier)
        statuses = {
            "list": (await theirs.ask("GET", "files"))[0],
            "make": (await theirs.ask("POST", "containers", {}))[0],
            "upload": (await theirs.upload(sid))[0],
            "change": (await theirs.ask("PATCH", f"files/{body['file_sid']}", {"lifecycle_ttl": 5}))[0],
            "delete": (await theirs.ask("DELETE", f"files/{body['file_sid']}"))[0],
        }
    async with ClientSession() as session:
        nobody = await Asking(session, carrier).upload(sid)

    assert {name for name, status in statuses.items() if status < 300} == allowed
    assert {status for status in statuses.values() if status >= 300} <= {403}
    assert nobody[0] == 401


class TestSending:
    """An MMS with files from storage."""

    async def test_phone_keeps_what_it_was_sent(self, asking: Asking, carrier: PretendCarrier):
        """A copy of its own, also when the file is deleted the moment after."""
        _, body = await asking.upload(await asking.container())
        sid = await asking.send(body["publish_uri"])
        await asking.ask("DELETE", f"files/{body['file_sid']}")
        carrier.deliver(sid)

        (shown,) = carrier.phones()[ANNA][0]["media_urls"]

        assert await fetch(shown) == (200, "image/png", PNG)
        assert [media.content for media in carrier.received(sid)] == [PNG]

    async def test_file_known_by_a_foreign_domain_is_found(self, asking: Asking, carrier: PretendCarrier):
        """CarrierX knows its own names."""
        carrier.behave(publish_domain="https://storage.carrierx.com")
        _, body = await asking.upload(await asking.container())

        sid = await asking.send(body["publish_uri"])

        assert [media.content for media in carrier.received(sid)] == [PNG]

    @pytest.mark.parametrize(
        ("content", "name", "word"),
        [
            (PNG, "hill.png", "delivered"),
            (PNG.ljust(3 * 1024 * 1024, b"\0"), "hill.png", "delivered"),
            (PNG.ljust(3 * 1024 * 1024 + 1, b"\0"), "hill.png", "failed"),
            (b"<html>", "hill.png", "failed"),
            (b"MZ", "setup.exe", "failed"),
        ],
        ids=["fits", "3 MB", "too large", "no picture", "of no kind"],
    )
    async def test_media_are_judged(
        self, asking: Asking, carrier: PretendCarrier, content: bytes, name: str, word: str
    ):
        """Taken in any case; what is unfit fails later."""
        carrier.behave(moves=True, sent_after=0.0, delivered_after=0.0)
        _, body = await asking.upload(await asking.container(), content, name=name, kind="application/octet-stream")
        sid = await asking.send(body["publish_uri"])

        await carrier.until(lambda c: c.messages[sid].newest.status == word)

        assert carrier.posts[0].sid == sid

    async def test_total_of_all_files_counts(self, asking: Asking, carrier: PretendCarrier):
        """Two of two megabytes each are too much."""
        carrier.behave(moves=True, sent_after=0.0, delivered_after=0.0)
        sid = await asking.container()
        large = PNG.ljust(2 * 1024 * 1024, b"\0")
        urls = [(await asking.upload(sid, large))[1]["publish_uri"] for _ in range(2)]

        message = await asking.send(*urls)

        await carrier.until(lambda c: c.messages[message].newest.status == "failed")

    @pytest.mark.parametrize(("fetched", "copies"), [("accepted", 1), ("sent", 0)])
    async def test_file_that_goes_between(self, asking: Asking, carrier: PretendCarrier, fetched: str, copies: int):
        """Whether media are fetched at once or when they are sent is unknown: the second needs the file longer."""
        carrier.behave(media_fetched=fetched)
        _, body = await asking.upload(await asking.container())
        sid = await asking.send(body["publish_uri"])

        carrier.storage.delete(carrier.stored[0])
        carrier.move(sid, "sent")

        assert len(carrier.received(sid)) == copies

    async def test_file_that_went_before_it_was_sent_fails_the_text(self, asking: Asking, carrier: PretendCarrier):
        """Where media are fetched only then."""
        carrier.behave(media_fetched="sent", moves=True, sent_after=0.5, delivered_after=0.5)
        _, body = await asking.upload(await asking.container())
        sid = await asking.send(body["publish_uri"])

        carrier.storage.delete(carrier.stored[0])

        await carrier.until(lambda c: c.messages[sid].newest.status == "failed")

    @pytest.mark.parametrize("path", ["/f/a291fe99-43d6-446f-a63e-91f93030dc7e", "/media/a.png?status=404", "/else"])
    async def test_media_that_are_gone_fail_the_text(self, asking: Asking, carrier: PretendCarrier, path: str):
        """On its own origin; what is elsewhere is not fetched."""
        carrier.behave(moves=True, sent_after=0.0, delivered_after=0.0)

        sid = await asking.send(f"{carrier.origin}{path}")
        other = await asking.send("https://a.test/picture.png")

        await carrier.until(lambda c: c.messages[sid].newest.status == "failed")
        await carrier.until(lambda c: c.messages[other].newest.status == "delivered")

    async def test_orphans_are_what_no_text_names(self, asking: Asking, carrier: PretendCarrier):
        """The oracle of what was uploaded in vain."""
        sid = await asking.container()
        _, used = await asking.upload(sid)
        _, orphan = await asking.upload(sid)
        await asking.send(used["publish_uri"])

        assert [file.sid for file in carrier.stored] == [used["file_sid"], orphan["file_sid"]]
        assert [file.sid for file in carrier.orphans] == [orphan["file_sid"]]
