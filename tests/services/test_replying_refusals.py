"""A reply that is over says so, whatever else could be said of it."""

from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.domain.message import Reply, ReplyState
from bot.errors import RefusedError
from bot.services.hours import Hours
from bot.services.replying import Replying, StoredReply, Thread
from bot.store.replies import ReplyStore
from bot.store.rules import RuleStore
from tests.services.texting import ANNA, OURS, Silence, Texting


@pytest.mark.parametrize("state", [ReplyState.WITHDRAWN, ReplyState.TEXTED])
@pytest.mark.parametrize("text", ["at nine", ""])
async def test_a_reply_that_is_over_is_not_asked_for_words(
    engine: AsyncEngine, texting: Texting, state: ReplyState, text: str
):
    """When it was erased, it has neither a text nor files any more."""
    replies, rules = ReplyStore(engine), RuleStore(engine)
    replying = Replying(
        replies=replies,
        batches=texting.batches,
        rules=rules,
        sending=texting.sending,
        hours=Hours(rules=rules, writers=replies, clock=texting.clock, usual=None, zone="America/New_York"),
        clock=texting.clock,
        announcer=Silence(),
        wake_outbox=Silence().wake,
        undo=timedelta(seconds=5),
    )
    reply = StoredReply(
        id="b1",
        channel="C1",
        user_id="U1",
        user_name="ana",
        thread=Thread("c1", "T1", OURS, (ANNA,)),
        reply=Reply("2.0", "1.0", state, text),
        at=texting.clock.now(),
        status=None,
    )

    with pytest.raises(RefusedError, match="was sent to the phone already, or taken back"):
        await replying.send(reply, "U1")
