"""Files for picture messages: kept in our own container, readable by address, gone by themselves."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.carrierx import wire
from bot.carrierx.carrier import CarrierX
from bot.carrierx.client import CarrierXClient
from bot.carrierx.values import Container, UploadedFile
from bot.errors import (
    CarrierError,
    CarrierFullError,
    CarrierOutcomeUnknownError,
    CarrierRejectedError,
    CarrierResponseInvalidError,
    CarrierThrottledError,
    CarrierUnauthorizedError,
    CarrierUnavailableError,
)
from bot.services.ports import KeptFile, Room, Storage
from playground.carrier import Behaviour, Fault, Kind, PretendCarrier
from playground.carrier.picture import draw
from playground.carrier.storage import Container as PretendContainer
from tests.conftest import FakeClock

PNG = draw("hill.png")
DAY = timedelta(days=1)
MARK = "ours"
SHORT = 0.2  # seconds, for what is meant to time out


@pytest.fixture
async def carrier(clock: FakeClock) -> AsyncIterator[PretendCarrier]:
    async with PretendCarrier(behaviour=Behaviour(moves=False), clock=clock.now) as carrier:
        yield carrier


@pytest.fixture
def storage(client: CarrierXClient) -> Storage:
    return CarrierX(client, MARK)


async def store(storage: Storage, content: bytes = PNG) -> tuple[str, str]:
    file = await storage.store(content, "image/png", ".png", keep=DAY)
    return file.sid, file.url


async def fetch(url: str) -> tuple[int, str, bytes]:
    """As a stranger, without a token."""
    async with aiohttp.request("GET", url) as response:
        return response.status, response.content_type, await response.read()


def ours(carrier: PretendCarrier) -> list[PretendContainer]:
    return [each for each in carrier.storage.containers.values() if each.attributes["string_key_1"] == "threadtext"]


class TestStore:
    """A file from here to where CarrierX fetches it."""

    async def test_file_can_be_read_by_everybody_who_knows_its_address(self, carrier: PretendCarrier, storage: Storage):
        """As it is, by its kind, under a name that tells nothing."""
        sid, url = await store(storage)

        assert await fetch(url) == (200, "image/png", PNG)
        assert [file.sid for file in carrier.stored] == [sid]
        assert len(carrier.stored[0].name) == len(MARK) + 1 + 32 + len(".png")

    async def test_large_file_arrives_whole(self, carrier: PretendCarrier, storage: Storage):
        """Of the three megabytes that a text may have."""
        large = PNG.ljust(3 * 1024 * 1024, b"\xff")

        await store(storage, large)

        assert carrier.stored[0].content == large

    async def test_file_deletes_itself(self, carrier: PretendCarrier, storage: Storage, clock: FakeClock):
        """Also when nobody here remembers it."""
        await store(storage)

        clock.move(DAY.total_seconds() - 1)
        before = len(carrier.stored)
        clock.move(1)

        assert (before, carrier.stored) == (1, [])

    async def test_our_container_is_made_once_and_found_again(self, carrier: PretendCarrier, storage: Storage):
        """By this process and by the next; other containers of the account are left alone."""
        await store(storage)
        await store(storage)
        async with CarrierXClient(carrier.url, carrier.token) as client:
            await store(CarrierX(client, MARK))

        assert len(ours(carrier)) == 1
        assert {file.container for file in carrier.stored} == {ours(carrier)[0]}
        assert [request.path for request in carrier.requests if request.method == "POST"].count(
            "/core/v2/storage/containers"
        ) == 1

    async def test_many_files_at_once_share_one_container(self, carrier: PretendCarrier, storage: Storage):
        """Also the first ones."""
        await asyncio.gather(*(store(storage) for _ in range(5)))

        assert (len(ours(carrier)), len(carrier.stored)) == (1, 5)

    async def test_container_lets_its_files_delete_themselves(self, carrier: PretendCarrier, storage: Storage):
        """Those, too, that say nothing of it."""
        await store(storage)

        assert ours(carrier)[0].attributes["default_file_lifecycle_action"] == "delete"
        assert ours(carrier)[0].attributes["default_file_lifecycle_ttl"] == DAY.total_seconds()

    async def test_life_is_set_afterwards_where_an_upload_has_no_say(
        self, carrier: PretendCarrier, storage: Storage, clock: FakeClock
    ):
        """The other reading of the documentation, in a container that somebody made by hand."""
        carrier.behave(lives_by="container")
        carrier.storage.make_container({"string_key_1": "threadtext"}, carrier.behaviour)

        await store(storage)
        clock.move(DAY.total_seconds())

        assert carrier.stored == []

    async def test_file_is_used_although_it_may_stay(
        self, carrier: PretendCarrier, storage: Storage, caplog: pytest.LogCaptureFixture
    ):
        """The text is worth more; the log says so."""
        carrier.behave(lives_by="container")
        carrier.storage.make_container({"string_key_1": "threadtext"}, carrier.behaviour)
        carrier.tokens[carrier.token] = frozenset({"storage.create", "storage.read"})

        with caplog.at_level(logging.WARNING):
            sid, url = await store(storage)

        assert (await fetch(url))[0] == 200
        assert f"CarrierX's file {sid} may never delete itself" in caplog.text

    @pytest.mark.parametrize("answer", ["unknown", "invalid"])
    async def test_container_that_vanished_is_made_anew(self, carrier: PretendCarrier, storage: Storage, answer: str):
        """Somebody deleted it in the portal; both answers to an upload into it."""
        carrier.behave(unknown_container=answer)
        await store(storage)
        carrier.storage.delete_container(ours(carrier)[0])

        sid, _ = await store(storage)

        assert [file.sid for file in carrier.stored] == [sid]

    async def test_no_more_containers_are_said_in_a_sentence(self, carrier: PretendCarrier, storage: Storage):
        """With what to do."""
        carrier.behave(most_containers=1, full_status=403)

        with pytest.raises(CarrierRejectedError) as caught:
            await store(storage)

        assert caught.value.user_message == (
            "CarrierX makes no container for files (limit exceeded: containers: the account may have 1 containers). An "
            "administrator must delete one of the account's containers, of which it may have two, or give the token "
            "the scope storage.manage."
        )
        assert caught.value.status == 403

    async def test_container_that_another_process_made_meanwhile_is_taken(self, carrier: PretendCarrier):
        """The loser of the race is refused, looks again, and finds it."""
        looking = carrier.arm(Fault(Kind.HOLD_AFTER, on="storage"))
        async with (
            CarrierXClient(carrier.url, carrier.token) as slow,
            CarrierXClient(carrier.url, carrier.token) as quick,
        ):
            late = asyncio.create_task(store(CarrierX(slow, MARK)))
            await carrier.until(lambda _: looking.held == 1)
            await store(CarrierX(quick, MARK))
            looking.release()
            await late

        assert (len(ours(carrier)), len(carrier.stored)) == (1, 2)

    @pytest.mark.parametrize(
        ("domain", "given"),
        [("http://storage-carrierx.com", True), ("https://storage.carrierx.com", True), ("", True), ("", False)],
    )
    async def test_address_is_as_carrierx_says_it(
        self, carrier: PretendCarrier, storage: Storage, domain: str, *, given: bool
    ):
        """On http or https, on whatever host; where the file says none, its container's domain and the id make it."""
        carrier.behave(publish_domain=domain, publish_uri_given=given)

        sid, url = await store(storage)

        assert url == f"{domain or carrier.origin}/f/{sid}"


class TestFull:
    """Quotas."""

    @pytest.mark.parametrize("status", [403, 409, 413, 422])
    @pytest.mark.parametrize(
        ("quota", "sentence"),
        [
            ({"quota_files": 1}, "CarrierX's storage is full: it takes no more files."),
            (
                {"quota_bytes": len(PNG) + 5},
                f"CarrierX's storage is full: 5 bytes are left, and the file has {len(PNG):,}.",
            ),
        ],
        ids=["files", "bytes"],
    )
    async def test_full_storage_is_said(
        self, carrier: PretendCarrier, storage: Storage, quota: dict[str, int], sentence: str, status: int
    ):
        """Whatever status CarrierX gives that."""
        carrier.behave(full_status=status)
        await store(storage)
        carrier.storage.change_container(ours(carrier)[0], quota)

        with pytest.raises(CarrierFullError) as caught:
            await store(storage)

        assert (caught.value.user_message, caught.value.status) == (sentence, status)

    async def test_other_refusal_is_said_in_carrierxs_words(self, carrier: PretendCarrier, storage: Storage):
        """There is room."""
        await store(storage)
        carrier.storage.change_container(ours(carrier)[0], {"blocked_classifications": ["media"]})

        with pytest.raises(CarrierRejectedError, match="takes no files of class media"):
            await store(storage)

    async def test_refusal_stands_where_the_room_cannot_be_read(self, carrier: PretendCarrier, storage: Storage):
        """The first reason is not lost over a second trouble."""
        await store(storage)
        carrier.arm(Fault(Kind.INVALID, on="upload", sentence="not today"))
        carrier.arm(Fault(Kind.ERROR_BEFORE, on="storage", status=500))

        with pytest.raises(CarrierRejectedError, match="not today"):
            await store(storage)

    async def test_room_is_what_is_left(self, storage: Storage):
        """And more again when a file is removed."""
        sid, _ = await store(storage)
        used = await storage.room()
        await storage.remove(sid)

        assert used == Room(1024**3 - len(PNG), 99, 1024**3, 100)
        assert await storage.room() == Room(1024**3, 100, 1024**3, 100)

    async def test_room_makes_no_container(self, carrier: PretendCarrier, storage: Storage):
        """Looking leaves no trace; and what vanished is looked for anew."""
        unknown = await storage.room()
        await store(storage)
        carrier.storage.delete_container(ours(carrier)[0])

        nothing = Room(None, None, None, None)
        assert (unknown, await storage.room()) == (nothing, nothing)
        assert ours(carrier) == []


class TestRemove:
    """A file that has served."""

    async def test_file_is_gone(self, carrier: PretendCarrier, storage: Storage):
        """From storage and from its address."""
        sid, url = await store(storage)

        await storage.remove(sid)

        assert (carrier.stored, (await fetch(url))[0]) == ([], 404)

    async def test_file_that_is_gone_already_is_as_good(self, storage: Storage):
        """Twice, unknown, or no id at all."""
        sid, _ = await store(storage)
        await storage.remove(sid)

        await storage.remove(sid)
        await storage.remove("../containers")

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault(Kind.RESET_BEFORE, None, on="removal"), CarrierUnavailableError),
            (Fault(Kind.ERROR_BEFORE, on="removal", status=503), CarrierUnavailableError),
            (Fault(Kind.REDIRECT, on="removal", status=307, location="/"), CarrierResponseInvalidError),
            (Fault(Kind.FORBIDDEN, on="removal"), CarrierRejectedError),
        ],
        ids=lambda value: str(value.kind) if isinstance(value, Fault) else value.__name__,
    )
    async def test_trouble_is_told(
        self, carrier: PretendCarrier, storage: Storage, fault: Fault, error: type[CarrierError]
    ):
        """It may simply be tried again."""
        sid, _ = await store(storage)
        carrier.arm(fault)

        with pytest.raises(error):
            await storage.remove(sid)


class TestKept:
    """What of ours is there, whoever remembers it."""

    async def test_each_file_is_listed_with_its_time(self, storage: Storage, clock: FakeClock):
        """By which it is known whether it may still be on its way to somebody's memory."""
        first, _ = await store(storage)
        began = clock.now()
        clock.move(60)
        second, _ = await store(storage)

        assert set(await storage.kept()) == {KeptFile(first, began), KeptFile(second, clock.now())}

    async def test_another_installations_files_are_not_ours(self, carrier: PretendCarrier, storage: Storage):
        """Nor is what somebody put into our container by hand, or into another."""
        sid, _ = await store(storage)
        async with CarrierXClient(carrier.url, carrier.token) as client:
            await store(CarrierX(client, "theirs"))
            other = next(iter(carrier.storage.containers))
            await client.upload(PNG, "image/png", ".png", container_sid=ours(carrier)[0].sid, lifetime=60)
            await client.upload(PNG, "image/png", ".png", container_sid=other, lifetime=60, mark=f"{MARK}-")

        assert [file.sid for file in await storage.kept()] == [sid]

    async def test_list_that_ignores_its_filter_is_read_to_its_end(self, carrier: PretendCarrier, storage: Storage):
        """In pages of one."""
        carrier.behave(ignore_filter=True, page_limit=1)
        stored = {(await store(storage))[0] for _ in range(3)}

        assert {file.sid for file in await storage.kept()} == stored

    async def test_looking_makes_no_container(self, carrier: PretendCarrier, storage: Storage):
        """Most accounts never send a picture."""
        assert await storage.kept() == ()
        assert ours(carrier) == []


class TestOutcomes:
    """Every answer to an upload, and every lack of one."""

    @pytest.fixture
    async def container(self, client: CarrierXClient) -> str:
        return (await client.make_container("threadtext", lifetime=60)).sid

    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Fault(Kind.RESET_BEFORE, on="upload"), CarrierOutcomeUnknownError),
            (Fault(Kind.RESET_AFTER, on="upload"), CarrierOutcomeUnknownError),
            (Fault(Kind.HOLD_AFTER, on="upload"), CarrierOutcomeUnknownError),
            (Fault(Kind.LATE, on="upload", seconds=60), CarrierOutcomeUnknownError),
            (Fault(Kind.ERROR_BEFORE, on="upload", status=500), CarrierOutcomeUnknownError),
            (Fault(Kind.ERROR_AFTER, on="upload", status=503), CarrierOutcomeUnknownError),
            (Fault(Kind.UNREADABLE, on="upload"), CarrierOutcomeUnknownError),
            (Fault(Kind.UNREADABLE, on="upload", body='{"name": "x"}'), CarrierOutcomeUnknownError),
            (Fault(Kind.TRUNCATED, on="upload"), CarrierOutcomeUnknownError),
            (Fault(Kind.REDIRECT, on="upload", status=307, location="/elsewhere"), CarrierOutcomeUnknownError),
            (Fault(Kind.THROTTLED, on="upload"), CarrierThrottledError),
            (Fault(Kind.UNAUTHORIZED, on="upload"), CarrierUnauthorizedError),
            (Fault(Kind.FORBIDDEN, on="upload"), CarrierRejectedError),
            (Fault(Kind.ERROR_BEFORE, on="upload", status=413), CarrierRejectedError),
        ],
        ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else value.__name__,
    )
    async def test_upload_that_failed_is_made_again(
        self, carrier: PretendCarrier, container: str, fault: Fault, error: type[CarrierError]
    ):
        """Never by itself; and when the caller does, what the first left behind is an orphan that deletes itself."""
        carrier.arm(fault)
        async with CarrierXClient(carrier.url, carrier.token, answer_timeout=SHORT) as client:
            with pytest.raises(error) as caught:
                await client.upload(PNG, "image/png", ".png", container_sid=container, lifetime=60)
            uploads = [request for request in carrier.requests if request.path.endswith("/files")]
            again = await client.upload(PNG, "image/png", ".png", container_sid=container, lifetime=60)

        assert type(caught.value) is error
        assert "text" not in caught.value.user_message
        assert len(uploads) == 1
        assert again.sid in {file.sid for file in carrier.stored}
        assert all(file.ends_at is not None for file in carrier.stored)

    async def test_refused_connection_is_surely_not_taken(
        self, carrier: PretendCarrier, client: CarrierXClient, container: str
    ):
        """Nothing left."""
        await carrier.go_down()

        with pytest.raises(CarrierUnavailableError):
            await client.upload(PNG, "image/png", ".png", container_sid=container, lifetime=60)

    async def test_slow_line_gets_more_time(self):
        """A large file may take longer to leave than an answer may take to come."""
        read = asyncio.Event()

        async def dawdle(request: web.Request) -> web.Response:
            await asyncio.sleep(4 * SHORT)  # what a slow line does; the answer itself comes at once
            await request.read()
            read.set()
            return web.json_response({"file_sid": "a", "lifecycle_action": "delete", "lifecycle_ttl": 60}, status=201)

        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/storage/files", dawdle)
        async with TestServer(app) as server:
            url = str(server.make_url("/"))
            async with CarrierXClient(url, "token", connect_timeout=SHORT, answer_timeout=SHORT) as client:
                file = await client.upload(bytes(16 * 1024 * 1024), "image/png", ".png", container_sid="c", lifetime=60)

        assert (file.sid, read.is_set()) == ("a", True)

    async def test_container_of_unknown_outcome_is_found_the_next_time(self, carrier: PretendCarrier, storage: Storage):
        """It is not made twice."""
        looked = carrier.arm(Fault(Kind.LATE, on="storage", seconds=0))  # the look before, which goes well
        carrier.arm(Fault(Kind.RESET_AFTER, on="storage"))

        with pytest.raises(CarrierOutcomeUnknownError):
            await store(storage)
        await store(storage)

        assert looked.hits == 1
        assert len(ours(carrier)) == 1

    async def test_list_that_ignores_its_filter_is_read_to_its_end(
        self, carrier: PretendCarrier, client: CarrierXClient, container: str
    ):
        """And somebody else's container is never taken for ours."""
        carrier.behave(ignore_filter=True, page_limit=1)

        found = await client.find_container("threadtext")
        other = await client.find_container("else")

        assert found is not None
        assert (found.sid, other) == (container, None)


class TestReading:
    """CarrierX's JSON, read leniently."""

    @pytest.mark.parametrize(
        ("said", "container"),
        [
            (
                {
                    "string_key_1": "k",
                    "publish_domain": "https://a.test",
                    "quota_bytes": 10,
                    "quota_files": "5",
                    "total_bytes": 4,
                    "total_files": 9,
                },
                Container("c", "k", "https://a.test", 6, 0, 10, 5),
            ),
            ({"string_key_1": None, "publish_domain": "a", "quota_bytes": -1}, Container("c", "", "", None, None)),
            ({"quota_bytes": True, "total_bytes": 1.5}, Container("c", "", "", None, None)),
        ],
        ids=["whole", "unlimited", "nonsense"],
    )
    def test_container(self, said: dict[str, object], container: Container):
        """Of what makes no sense nothing is said."""
        assert wire.read_container({"container_sid": "c", **said}) == container

    @pytest.mark.parametrize(
        ("said", "file"),
        [
            (
                {
                    "publish_uri": "http://storage-carrierx.com/f/f",
                    "lifecycle_action": "delete",
                    "lifecycle_ttl": 60,
                },
                UploadedFile("f", "http://storage-carrierx.com/f/f", 60),
            ),
            ({"lifecycle_action": "no_action", "lifecycle_ttl": 60}, UploadedFile("f", "", None)),
            (
                {"publish_uri": "file:///etc/passwd", "lifecycle_action": "delete", "lifecycle_ttl": -1},
                UploadedFile("f", "", None),
            ),
        ],
        ids=["whole", "stays", "nonsense"],
    )
    def test_file(self, said: dict[str, object], file: UploadedFile):
        """An address is http or https."""
        assert wire.read_file(json.dumps({"file_sid": "f", **said}).encode()) == file

    @pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"container_sid": 5, "file_sid": null}'])
    def test_what_has_no_id_is_unreadable(self, body: bytes):
        """Nothing could be done with it."""
        with pytest.raises(CarrierResponseInvalidError):
            wire.read_single_container(body)
        with pytest.raises(CarrierResponseInvalidError):
            wire.read_file(body)

    async def test_file_without_any_address_is_of_no_use(self):
        """It is told, not guessed."""

        async def answer(request: web.Request) -> web.Response:
            container = {"container_sid": "c", "string_key_1": "threadtext"}
            file = {"file_sid": "f", "lifecycle_action": "delete", "lifecycle_ttl": int(DAY.total_seconds())}
            return web.json_response({"items": [container]} if request.method == "GET" else file)

        app = web.Application()
        app.router.add_get("/storage/containers", answer)
        app.router.add_post("/storage/files", answer)
        async with TestServer(app) as server, CarrierXClient(str(server.make_url("/")), "token") as client:
            with pytest.raises(CarrierResponseInvalidError, match="did not say where it can be read"):
                await store(CarrierX(client, MARK))
