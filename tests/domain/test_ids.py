from uuid import RFC_4122, UUID

from bot.domain.ids import new_id


def test_an_id_is_a_uuid_that_begins_with_the_time() -> None:
    """Where ids come in order, those of one minute share a page of the index."""
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(set(ids))
    assert {(UUID(each).variant, UUID(each).version) for each in ids} == {(RFC_4122, 7)}
    assert all(str(UUID(each)) == each for each in ids)


def test_ids_of_two_processes_that_count_alike_differ() -> None:
    """Beside the counter, which goes up by one, each has random bits of its own."""
    endings = {new_id()[-8:] for _ in range(1000)}
    assert len(endings) > 990
