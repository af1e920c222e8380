"""Dirty batches are claimed by one process at a time, in the right order, within budgets that all processes share."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.services.showing import Budget, Claim, Kind, Post, PostState, Wants
from bot.store.dirty import mark_dirty
from bot.store.posts import PostStore
from bot.store.tables import batch, conversation
from bot.store.turns import HEADS

NOW = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=20)


@pytest.fixture
def store(engine: AsyncEngine) -> PostStore:
    return a_store(engine)


def a_store(engine: AsyncEngine) -> PostStore:
    return PostStore(engine, posts=Budget(SECOND, burst=2), updates=Budget(SECOND, burst=4, spare=2))


async def put(engine: AsyncEngine, name: str, **known: object) -> str:
    """A batch that wants a post in channel C1, accepted a minute ago."""
    row = {
        "id": name,
        "key": name,
        "team": "T1",
        "user_id": "U1",
        "user_name": "Alice",
        "channel": "C1",
        "asked_in": "C1",
        "sender": "+12125550100",
        "response_url": "",
        "accepted_at": NOW - timedelta(minutes=1),
        "show_at": NOW - timedelta(minutes=1),
    }
    async with engine.begin() as connection:
        await connection.execute(insert(batch), [row | known])
    return name


async def claim(store: PostStore, now: datetime = NOW, limit: int = 10) -> list[Claim]:
    return list((await store.claim(now, lease=now + LEASE, limit=limit)).taken)


async def claim_all(store: PostStore, now: datetime = NOW) -> list[str]:
    """The names in the order of their turns, until nothing is due any more."""
    names: list[str] = []
    while turn := await claim(store, now, limit=1):
        names += [one.batch_id for one in turn]
    return names


def a_post(batch_id: str, kind: Kind = Kind.ROOT) -> Post:
    return Post(str(uuid4()), batch_id, kind, "C1", None, PostState.POSTING, NOW)


async def test_a_final_state_goes_first_then_what_has_waited_longest(engine: AsyncEngine, store: PostStore):
    await put(engine, "young", wants=1, show_at=NOW - SECOND)
    await put(engine, "old", wants=1, show_at=NOW - 9 * SECOND)
    await put(engine, "final", wants=1, show_at=NOW, urgent=True)

    assert await claim_all(store) == ["final", "old"]
    assert await claim_all(store, NOW + SECOND) == ["young"]


async def test_intermediate_states_leave_room_for_final_ones(engine: AsyncEngine, store: PostStore):
    """Of a burst of four, two places are for final states only."""
    for number in range(5):
        await put(engine, f"sent-{number}", wants=1)

    taken = await claim_all(store)
    for number in range(5):
        await put(engine, f"final-{number}", wants=1, urgent=True)
    urgent = await claim_all(store)

    assert len(taken) == 2
    assert urgent == ["final-0", "final-1"]


async def test_each_channel_has_its_own_budget_for_posts(engine: AsyncEngine, store: PostStore):
    for number in range(4):
        await put(engine, f"one-{number}")
    await put(engine, "other", channel="C2")

    taken = await claim_all(store)

    assert sorted(name.partition("-")[0] for name in taken) == ["one", "one", "other"]


async def test_a_budget_grows_back(engine: AsyncEngine, store: PostStore):
    for number in range(9):
        await put(engine, f"b{number}")
    await claim_all(store)

    assert len(await claim_all(store, NOW + SECOND)) == 1
    assert len(await claim_all(store, NOW + 9 * SECOND)) == 2


async def test_two_processes_share_the_budgets(engine: AsyncEngine, store: PostStore):
    other = a_store(engine)
    for number in range(6):
        await put(engine, f"b{number}")

    taken = [await claim(each, limit=1) for each in (store, other, store, other)]

    assert [len(turn) for turn in taken] == [1, 1, 0, 0]
    assert len({one.batch_id for turn in taken for one in turn}) == 2


async def test_processes_that_claim_at_once_never_get_the_same_batch(engine: AsyncEngine):
    for number in range(8):
        await put(engine, f"b{number}", channel=f"C{number}")

    turns = await asyncio.gather(*(claim(a_store(engine), limit=3) for _ in range(8)))

    taken = [one.batch_id for turn in turns for one in turn]
    assert len(taken) == len(set(taken)) > 0


async def test_a_claimed_batch_is_nobody_elses_until_its_lease_ends(engine: AsyncEngine, store: PostStore):
    await put(engine, "b")
    await claim(store)

    assert await claim(store, NOW + LEASE - SECOND) == []
    assert [one.batch_id for one in await claim(store, NOW + LEASE)] == ["b"]


async def test_a_batch_is_not_due_before_its_time(engine: AsyncEngine, store: PostStore):
    await put(engine, "b", show_at=NOW + SECOND)

    assert await claim(store) == []
    assert len(await claim(store, NOW + SECOND)) == 1


async def test_slacks_word_holds_the_budget_for_all(engine: AsyncEngine, store: PostStore):
    await put(engine, "b")
    await put(engine, "c")
    (one,) = await claim(store)

    await store.hold(one, NOW + 30 * SECOND)
    await store.release(one, Wants.POST, NOW)

    assert await claim(a_store(engine), NOW + 29 * SECOND) == []
    assert len(await claim(a_store(engine), NOW + 30 * SECOND)) == 1


async def test_an_unused_place_is_given_back(engine: AsyncEngine, store: PostStore):
    await put(engine, "b")
    for _ in range(5):
        (one,) = await claim(store)
        await store.release(one, Wants.POST, NOW, unused=True)

    assert len(await claim(store)) == 1


async def test_what_is_shown_is_no_longer_dirty(engine: AsyncEngine, store: PostStore):
    await put(engine, "b", urgent=True)
    (one,) = await claim(store)

    await store.release(one, Wants.NOTHING, NOW)

    assert await claim(store, NOW + timedelta(hours=1)) == []
    async with engine.connect() as connection:
        assert (await connection.execute(select(batch.c.urgent))).scalar() is False


async def test_a_change_during_a_turn_keeps_the_batch_dirty(engine: AsyncEngine, store: PostStore):
    """The version says so, however the turn ended."""
    await put(engine, "b")
    (one,) = await claim(store)
    async with engine.begin() as connection:
        await mark_dirty(connection, ["b"], urgent=True)

    await store.release(one, Wants.NOTHING, NOW)

    (again,) = await claim(store)
    assert (again.wants, again.urgent) == (Wants.UPDATE, True)


async def test_who_has_lost_the_lease_changes_nothing(engine: AsyncEngine, store: PostStore):
    await put(engine, "b")
    (lost,) = await claim(store)
    (held,) = await claim(store, NOW + LEASE)

    await store.release(lost, Wants.NOTHING, NOW)
    await store.move(lost, "D1", "archived", NOW)

    assert await claim(store, NOW + LEASE + SECOND) == []
    async with engine.connect() as connection:
        row = (await connection.execute(select(batch))).one()
    assert (row.channel, row.show_lease) == ("C1", held.lease)


async def test_what_is_being_posted_is_not_forgotten_by_who_has_lost_the_lease(engine: AsyncEngine, store: PostStore):
    """Else whoever holds it now could not note the post, and it would be made twice."""
    await put(engine, "b")
    (lost,) = await claim(store)
    begun = a_post("b")
    await store.begin(begun)
    await claim(store, NOW + LEASE)

    await store.release(lost, Wants.POST, NOW, forget=begun)

    assert await store.posts("b") == {Kind.ROOT: begun}


async def test_a_message_is_begun_once(engine: AsyncEngine, store: PostStore):
    await put(engine, "b")
    first = a_post("b")

    assert await store.begin(first) is True
    assert await store.begin(a_post("b")) is False
    assert await store.posts("b") == {Kind.ROOT: first}


async def test_what_slack_took_is_read_back(engine: AsyncEngine, store: PostStore):
    await put(engine, "b")
    (one,) = await claim(store)
    begun = a_post("b")
    await store.begin(begun)
    posted = replace(begun, state=PostState.POSTED, ts="1.2", shown="abc", updated_at=NOW)

    await store.release(one, Wants.POST, NOW, record=posted)

    assert await store.posts("b") == {Kind.ROOT: posted}


async def test_a_moved_batch_starts_anew(engine: AsyncEngine, store: PostStore):
    await put(engine, "b")
    (one,) = await claim(store)
    await store.begin(a_post("b"))

    await store.move(one, "D1", "archived", NOW)

    assert await store.posts("b") == {}
    (again,) = await claim(store)
    assert (again.pace, again.wants) == ("post:D1", Wants.POST)


@pytest.mark.parametrize("wants", [1, 2])
async def test_a_claim_uses_the_index_of_dirty_batches(engine: AsyncEngine, store: PostStore, wants: int):
    """With thousands of dirty batches, every channel's turn still costs one step over an index."""
    rows = [
        {"id": f"b{n}", "key": f"b{n}", "team": "T1", "user_id": "U1", "user_name": "A", "channel": f"C{n % 7}"}
        | {"asked_in": "C", "sender": "+1", "response_url": "", "accepted_at": NOW, "show_at": NOW, "wants": wants}
        for n in range(3000)
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(batch), rows)
        await connection.execute(update(batch).where(batch.c.id == "b0").values(urgent=True))
        await connection.exec_driver_sql("ANALYZE")
        explain = "EXPLAIN " if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
        asked = {"now": NOW, "under_way": ["b0"]} | store._room(NOW)
        statement = HEADS.params(asked).compile(engine.sync_engine, compile_kwargs={"literal_binds": True})
        plan = " ".join(str(row) for row in await connection.exec_driver_sql(explain + str(statement)))

    assert ("batch_to_post" if wants == 2 else "batch_to_update") in plan
    assert "Seq Scan on batch" not in plan
    assert "SCAN batch" not in plan.replace("SCAN batch USING", "")


async def converse(engine: AsyncEngine, name: str, entries: int, channel: str = "C1", **root: object) -> list[str]:
    """A conversation that has no thread yet: its root, and what came after that, a microsecond each."""
    names = [f"{name}-{number:03}" for number in range(entries)]
    row = {"id": name, "pair": name, "sender": "+1", "members": "[]", "team": "T1", "channel": channel, "asked_in": ""}
    async with engine.begin() as connection:
        await connection.execute(insert(conversation), [row | {"root_id": names[0], "active_at": NOW}])
    for number, each in enumerate(names):
        at = NOW - timedelta(minutes=1) + number * timedelta(microseconds=1)
        known = {"conversation_id": name, "channel": channel, "accepted_at": at, "show_at": at}
        await put(engine, each, **known | (root if number == 0 else {}))
    return names


async def show_all(store: PostStore, seconds: int) -> list[str]:
    """Post what is claimed, one at a time, while so many seconds go by."""
    shown: list[str] = []
    for second in range(seconds):
        now = NOW + second * SECOND
        while turn := await claim(store, now, limit=1):
            begun = a_post(turn[0].batch_id)
            posted = replace(begun, state=PostState.POSTED, ts=f"{second}.{len(shown)}", updated_at=now)
            await store.begin(begun)
            await store.release(turn[0], Wants.NOTHING, now, record=posted)
            shown.append(turn[0].batch_id)
    return shown


async def count_looked_at(engine: AsyncEngine) -> int:
    """How many entries the index holds from which posts are claimed."""
    async with engine.connect() as connection:
        waiting = select(func.count()).where(batch.c.wants == 2, ~batch.c.aside)
        return await connection.scalar(waiting) or 0


async def test_what_waits_behind_its_root_is_in_nobodys_way(engine: AsyncEngine, store: PostStore):
    """A claim looks at a few of them, and next time not even at those, however many there are."""
    await converse(engine, "talk", 150, show_at=NOW + timedelta(hours=1))
    await put(engine, "other", show_at=NOW)

    taken = [one.batch_id for _ in range(5) for one in await claim(store)]

    assert taken == ["other"]
    assert await count_looked_at(engine) < 25


async def test_more_in_the_way_than_a_claim_takes_out_of_it_is_a_reason_to_claim_again(
    engine: AsyncEngine, store: PostStore
):
    await converse(engine, "talk", 150, show_at=NOW + timedelta(hours=1))

    first = await store.claim(NOW, lease=NOW + LEASE, limit=1)
    for _ in range(5):
        last = await store.claim(NOW, lease=NOW + LEASE, limit=1)

    assert (first.room_at, last.room_at) == (NOW, None)


async def test_many_blocked_channels_make_no_claim_long(engine: AsyncEngine, store: PostStore):
    """A few of them are cleared at a time, whichever they are, until all are."""
    for number in range(12):
        await converse(engine, f"talk-{number}", 31, channel=f"C{number}", show_at=NOW + timedelta(hours=1))
    looked_at = [await count_looked_at(engine)]

    for _ in range(3):
        await claim(store)
        looked_at.append(await count_looked_at(engine))

    assert looked_at == [12 * 31, 8 * 31 + 4, 4 * 31 + 8, 12]


async def test_what_stepped_aside_is_shown_in_its_order(engine: AsyncEngine, store: PostStore):
    """Each comes forward when the one before it is posted."""
    names = await converse(engine, "talk", 60, show_at=NOW + 5 * SECOND)
    other = await converse(engine, "other", 40, show_at=NOW + 7 * SECOND)
    for _ in range(5):
        assert await claim(store) == []

    shown = await show_all(store, 120)

    assert [name for name in shown if name in names] == names
    assert [name for name in shown if name in other] == other


async def test_what_stepped_aside_begins_the_thread_when_its_root_cannot(engine: AsyncEngine, store: PostStore):
    names = await converse(engine, "talk", 60)
    [root] = await claim(store)
    for _ in range(5):
        await claim(store, NOW + SECOND)

    gone = replace(a_post(names[0]), state=PostState.GONE)
    await store.release(root, Wants.NOTHING, NOW, record=gone)

    assert await show_all(store, 80) == names[1:]


async def test_what_stepped_aside_follows_an_entry_that_moves(engine: AsyncEngine, store: PostStore):
    """And one that begins a new thread where the first was deleted."""
    names = await converse(engine, "talk", 60)
    [root] = await claim(store)
    for _ in range(5):
        await claim(store, NOW + SECOND)
    await store.move(root, "C2", "archived", NOW + SECOND, whole=True)
    [root] = await claim(store, NOW + SECOND)
    posted = replace(a_post(names[0]), state=PostState.POSTED, channel="C2", ts="1.1")
    await store.release(root, Wants.NOTHING, NOW + SECOND, record=posted)
    [second] = await claim(store, NOW + SECOND)

    await store.detach(second, "1.1", NOW + SECOND)

    assert await show_all(store, 80) == names[1:]


async def test_what_nobody_has_brought_forward_comes_forward_later(engine: AsyncEngine, store: PostStore):
    """A process of an older version posts the root and knows nothing of entries that are aside."""
    names = await converse(engine, "talk", 60)
    await claim(store)
    for _ in range(5):
        await claim(store, NOW + SECOND)
    async with engine.begin() as connection:
        await connection.execute(update(batch).where(batch.c.id == names[0]).values(wants=0, show_lease=None))
        await connection.execute(update(conversation).values(thread_ts="1.1"))
    hidden = await show_all(store, 80)

    await store.bring_missed_forward()

    assert hidden == []
    assert await count_looked_at(engine) == 1
    assert await show_all(store, 80) == names[1:]


async def test_trouble_with_a_text_that_slack_refused_waits_for_no_other(engine: AsyncEngine, store: PostStore):
    """Where its conversation has no thread and nothing that could begin one."""
    await converse(engine, "talk", 1)
    [root] = await claim(store)
    await store.release(root, Wants.NOTHING, NOW, record=replace(a_post("talk-000"), state=PostState.GONE))
    async with engine.begin() as connection:
        await mark_dirty(connection, ["talk-000"], urgent=True)
    [trouble] = await claim(store)

    await store.release(trouble, Wants.POST, NOW)

    assert [one.batch_id for one in await claim(store)] == ["talk-000"]


@pytest.mark.parametrize("state", [PostState.GONE, PostState.POSTED, None])
async def test_a_thread_is_begun_by_what_is_not_shown_yet(
    engine: AsyncEngine, store: PostStore, state: PostState | None
):
    """Not by a reply, nor by what still calls its sender: all that comes later would wait for it for ever."""
    first, second = await converse(engine, "talk", 2)
    async with engine.begin() as connection:
        origin = "command" if state else "reply"
        await connection.execute(update(batch).where(batch.c.id == second).values(origin=origin))
    shown = replace(a_post(second, Kind.ROOT if state else Kind.MARK), state=state or PostState.POSTED)
    await store.begin(shown)
    [root] = await claim(store)

    await store.release(root, Wants.NOTHING, NOW, record=replace(a_post(first), state=PostState.GONE))

    assert [one.batch_id for one in await claim(store)] == [second]
    async with engine.connect() as connection:
        assert await connection.scalar(select(conversation.c.root_id)) == ""


async def test_a_thread_is_not_begun_by_what_may_stand_in_another_already(engine: AsyncEngine, store: PostStore):
    """It was being posted there when a text took the conversation along to a channel that then refused it."""
    first, second = await converse(engine, "talk", 2)
    begun = replace(a_post(second), thread_ts="1.1")
    await store.begin(begun)
    [root] = await claim(store)
    await store.release(root, Wants.NOTHING, NOW, record=replace(a_post(first), state=PostState.GONE))
    [one] = await claim(store)
    await store.release(one, Wants.NOTHING, NOW, record=replace(begun, state=PostState.POSTED, ts="1.2"))

    await put(engine, "later", conversation_id="talk")

    assert [one.batch_id for one in await claim(store, NOW + SECOND)] == ["later"]


@pytest.mark.parametrize(("origin", "begins"), [("command", True), ("reply", False)])
async def test_what_moves_begins_a_thread_where_nothing_else_is_to(
    engine: AsyncEngine, store: PostStore, origin: str, *, begins: bool
):
    """Except for a reply, which stands in the thread that it was written in."""
    [name] = await converse(engine, "talk", 1)
    async with engine.begin() as connection:
        await connection.execute(update(batch).values(origin=origin))
        await connection.execute(update(conversation).values(root_id=""))
    [one] = await claim(store)

    await store.move(one, "D1", "archived", NOW)

    async with engine.connect() as connection:
        assert await connection.scalar(select(conversation.c.root_id)) == (name if begins else "")


async def test_a_final_state_is_not_kept_back_by_those_that_wait(engine: AsyncEngine, store: PostStore):
    """Where urgent entries are in the way, others of the channel do not go first for long."""
    names = await converse(engine, "talk", 60, show_at=NOW + timedelta(hours=1))
    async with engine.begin() as connection:
        await connection.execute(update(batch).where(batch.c.id.in_(names)).values(urgent=True))
    await put(engine, "intermediate", show_at=NOW - timedelta(minutes=2))
    await put(engine, "final", urgent=True, show_at=NOW)

    taken = [one.batch_id for _ in range(5) for one in await claim(store, limit=1)]

    assert taken == ["final", "intermediate"]


async def test_what_a_clock_set_back_has_stranded_is_let_go(engine: AsyncEngine, store: PostStore):
    """Whoever is at it keeps it for one lease more."""
    ahead = NOW + timedelta(hours=3)
    for wants in (1, 2):
        await put(engine, f"shown-{wants}", wants=wants)
    for one in await claim(store, ahead):
        await store.release(one, Wants.NOTHING, ahead)
    for wants in (1, 2):
        await put(engine, f"later-{wants}", wants=wants, show_at=ahead)
        await put(engine, f"leased-{wants}", wants=wants, show_lease=ahead)
        await put(engine, f"ours-{wants}", wants=wants, show_lease=ahead)

    await store.free_stranded(NOW, lease=NOW + SECOND, under_way=["ours-1", "ours-2"])

    assert sorted(await claim_all(store)) == ["later-1", "later-2"]
    assert sorted(await claim_all(store, NOW + SECOND)) == ["leased-1", "leased-2"]


async def test_a_claim_says_when_there_is_room_again(engine: AsyncEngine, store: PostStore):
    """Nobody needs to ask before then."""
    for number in range(3):
        await put(engine, f"b{number}")
    await put(engine, "update", wants=1)

    await claim_all(store)
    full = await store.claim(NOW, lease=NOW + LEASE, limit=1)
    later = await store.claim(NOW + SECOND, lease=NOW + LEASE, limit=1)

    assert (full.taken, full.room_at) == ((), NOW + SECOND)
    assert [one.batch_id for one in later.taken] == ["b2"]


async def test_where_nothing_waits_for_room_none_is_awaited(engine: AsyncEngine, store: PostStore):
    await put(engine, "b", show_at=NOW + SECOND)

    assert (await store.claim(NOW, lease=NOW + LEASE, limit=1)).room_at is None
