"""The tables. The message table is the outbox: what people asked for and what became of it, in one place.

Times are whole microseconds since 1970 in UTC: both databases order and compare them alike, and no driver can
take them for local time. Ids are UUIDs as text. JSON is text that only this package reads.
"""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    text,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Time(TypeDecorator[datetime]):
    """Aware UTC datetime, stored as microseconds since 1970."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 -- SQLAlchemy's
        """Datetime to microseconds."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 -- SQLAlchemy's
        """Microseconds to datetime."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


metadata = MetaData()

# Percent of a page that PostgreSQL fills with new rows. A change of what no index knows needs no new entry in any where
# the row's next version finds room on its page; leases change whole pages of rows, and so does what is shown anew.
_FILLED = {"fillfactor": 50}

batch = Table(
    "batch",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("key", Text, nullable=False, unique=True),  # Slack's trigger or view: a redelivery meets it here
    Column("team", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("channel", Text, nullable=False),  # where it is shown
    Column("asked_in", Text, nullable=False),  # where it was meant to be shown
    Column("moved", Text, nullable=False, server_default=""),  # why the two differ; as domain.message has it
    Column("again", String(36), nullable=False, server_default=""),  # the batch that it repeats, or ""
    Column("origin", Text, nullable=False, server_default="command"),
    Column("conversation_id", String(36)),  # of a command: once it is shown
    Column("left_channel", Text, nullable=False, server_default=""),  # the thread that the conversation left with it
    Column("left_ts", Text, nullable=False, server_default=""),
    Column("sender", Text, nullable=False),
    Column("response_url", Text, nullable=False),  # Slack's, good for 30 minutes; "" when there was none
    Column("accepted_at", Time, nullable=False),
    # What Slack should show. `wants`: 0 nothing, 1 an update, 2 a post.
    Column("wants", Integer, nullable=False, server_default="2"),
    Column("urgent", Boolean, nullable=False, server_default=false()),  # a final state goes before an intermediate one
    Column(
        "version", Integer, nullable=False, server_default="0"
    ),  # grows with each change, so that a change during a post is seen
    Column("show_at", Time, nullable=False),  # not before
    Column("show_lease", Time),
    # It waits for another of its conversation, and so many do that a claim does not look at it until then.
    Column("aside", Boolean, nullable=False, server_default=false()),
    # The announcer asks each channel for its next post and each workspace for its next update.
    Index(
        "batch_to_post",
        "channel",
        "urgent",
        "show_at",
        sqlite_where=text("wants = 2 AND aside = 0"),
        postgresql_where=text("wants = 2 AND NOT aside"),
    ),
    Index(
        "batch_to_update",
        "team",
        "urgent",
        "show_at",
        sqlite_where=text("wants = 1"),
        postgresql_where=text("wants = 1"),
    ),
    # What is posted of a conversation is posted in the order in which it came.
    Index(
        "batch_of_conversation",
        "conversation_id",
        "accepted_at",
        "id",
        sqlite_where=text("wants = 2"),
        postgresql_where=text("wants = 2"),
    ),
    Index("batch_last_used", "accepted_at"),
    postgresql_with=_FILLED,
)

message = Table(
    "message",
    metadata,
    # SQLite counts only in an INTEGER primary key.
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("id", String(36), nullable=False, unique=True),
    Column("batch_id", String(36), ForeignKey("batch.id"), nullable=False, index=True),
    Column("pair", Text, nullable=False),  # sender and recipients; one at a time is sending
    Column("sender", Text, nullable=False),
    Column("recipient", Text, nullable=False),  # "" for a group
    Column("is_group", Boolean, nullable=False),
    Column("text", Text, nullable=False),
    Column("media_urls", Text, nullable=False),  # JSON list
    Column("status", Text, nullable=False, server_default="accepted"),
    Column("accepted_at", Time, nullable=False),
    Column("sending_at", Time),
    Column("queued_at", Time),
    Column("sent_at", Time),
    Column("final_at", Time),
    # Waiting and the claim, while accepted.
    Column("wait", Text),
    Column("not_before", Time, nullable=False),
    Column("ready_at", Time, nullable=False),  # giving up counts from here: acceptance, or the end of a wanted wait
    Column("send_by", Time),  # not sent after that: quiet hours begin, or the answer is too late to be one
    Column("paced", Boolean, nullable=False, server_default=false()),  # has its slot; not_before is that slot
    Column("lease_owner", String(36)),
    Column("lease_until", Time),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Looking for it, while sending; asking for its state, while queued or sent.
    Column("checking_since", Time),
    Column("busy", Boolean, nullable=False, server_default=false()),  # its newest doubt came from a 503
    Column("check_at", Time),
    Column("checks", Integer, nullable=False, server_default="0"),
    # What CarrierX said.
    Column("sid", Text),
    Column("record_sid", Text),  # its detail record, where that is all CarrierX knows it by
    Column("word", Text, nullable=False, server_default=""),
    Column("cause", Text),
    Column("code", Text, nullable=False, server_default=""),
    Column("kind", Text, nullable=False, server_default=""),
    Column("segments", Integer),
    Column("price", Text, nullable=False, server_default=""),
    Column("carrier_created_at", Time),
    Column("carrier_final_at", Time),
    Column("unreceipted", Boolean, nullable=False, server_default=false()),
    Column("retried", Boolean, nullable=False, server_default=false()),
    Column("zones", Text, nullable=False, server_default=""),  # where the phone may be, while it waits for the morning
    Column("purpose", Text, nullable=False, server_default=""),  # "" is a person's own; as domain.message has it
    Column("erased", Boolean, nullable=False, server_default=false()),  # its text and media links are gone
    Column("preparing", Boolean, nullable=False, server_default=false()),  # its files and links are not ready yet
    Index(
        "message_open",
        "pair",
        "seq",
        sqlite_where=text("status IN ('accepted', 'sending')"),
        postgresql_where=text("status IN ('accepted', 'sending')"),
    ),
    Index(
        "message_due",
        "not_before",
        "seq",
        sqlite_where=text("status = 'accepted'"),
        postgresql_where=text("status = 'accepted'"),
    ),
    # The last guard of "at most one sending per pair"; the claim should never meet it.
    Index(
        "message_one_sending",
        "pair",
        unique=True,
        sqlite_where=text("status = 'sending'"),
        postgresql_where=text("status = 'sending'"),
    ),
    Index(
        "message_to_check",
        "check_at",
        sqlite_where=text("check_at IS NOT NULL"),
        postgresql_where=text("check_at IS NOT NULL"),
    ),
    Index("message_sid", "sid"),
    Index("message_of_group", "pair", sqlite_where=text("is_group"), postgresql_where=text("is_group")),
    Index(
        "message_of_ours",
        "recipient",
        "accepted_at",
        sqlite_where=text("purpose <> ''"),
        postgresql_where=text("purpose <> ''"),
    ),
    postgresql_with=_FILLED,
)

recipient = Table(
    "recipient",
    metadata,
    Column("message_id", String(36), ForeignKey("message.id"), primary_key=True),
    Column("number", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("status", Text, nullable=False, server_default="accepted"),
    Column("word", Text, nullable=False, server_default=""),
    Column("cause", Text),
    Column("code", Text, nullable=False, server_default=""),
    Column("final_at", Time),
    Column("retried", Boolean, nullable=False, server_default=false()),
)
"""The members of a group MMS; a text to one phone has no row here."""

retry = Table(
    "retry",
    metadata,
    Column("retry_of", Text, primary_key=True),  # "<message id>" or, of a group, "<message id>:<number>"
    Column("message_id", String(36), nullable=False),
)
"""Who was sent again: the primary key makes two presses one text."""

conversation = Table(
    "conversation",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("pair", Text, nullable=False, unique=True),  # as message.pair: our number and theirs
    Column("sender", Text, nullable=False),  # ours
    Column("members", Text, nullable=False),  # JSON list: theirs
    Column("team", Text, nullable=False),
    Column("channel", Text, nullable=False),  # "" until it is known where such texts go
    Column("asked_in", Text, nullable=False),  # where people believe it to be, if it could not be shown there
    Column("thread_ts", Text),  # None until its first entry is posted
    Column("root_id", String(36), nullable=False),  # the entry whose post is the thread's root
    Column("active_at", Time, nullable=False),  # the last text either way
    Column("inbound_at", Time),
    Column("nudged_at", Time),
    Index("conversation_of_thread", "channel", "thread_ts"),
)
"""One thread for each pair of numbers, and for each group."""

inbound = Table(
    "inbound",
    metadata,
    Column("id", String(36), ForeignKey("batch.id"), primary_key=True),
    # What brought it; a callback and a record of one text may have different ids.
    Column("message_sid", Text, unique=True),
    Column("record_sid", Text, unique=True),
    Column("number", Text, nullable=False),  # the phone
    Column("ours", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("received_at", Time, nullable=False),  # by CarrierX
    Column("stored_at", Time, nullable=False),
    Column("late", Boolean, nullable=False, server_default=false()),  # no callback brought it
    Column("broadcast", Boolean, nullable=False, server_default=false()),
    Column("keyword", Text, nullable=False, server_default=""),
    Column("blocked", Boolean, nullable=False, server_default=false()),
    Column("wish", Text, nullable=False, server_default=""),
    Column("decided_by", Text, nullable=False, server_default=""),
    Column("erased", Boolean, nullable=False, server_default=false()),
    Index("inbound_of_number", "number", "received_at"),
)
"""Texts from phones; `batch` has where and whether they are shown."""

arrival = Table(
    "arrival",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),  # record, callback
    Column("sid", Text, nullable=False),
    Column("body", Text, nullable=False),  # JSON
    Column("due_at", Time, nullable=False),
    Column("tries", Integer, nullable=False, server_default="0"),
    Index("arrival_sid", "source", "sid", unique=True),
    Index("arrival_due", "due_at"),
)
"""Texts that are not believed yet: records that wait for their callback, callbacks that are asked for again."""

reply = Table(
    "reply",
    metadata,
    Column("id", String(36), ForeignKey("batch.id"), primary_key=True),
    Column("channel", Text, nullable=False),
    Column("ts", Text, nullable=False),
    Column("thread_ts", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", Time, nullable=False),
    Index("reply_of_slack", "channel", "ts", unique=True),
)
"""What people wrote in conversations' threads; those that are texted have a message too."""

stray = Table(
    "stray",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("ts", Text, primary_key=True),
    Column("thread_ts", Text, nullable=False),
    Column("body", Text, nullable=False),  # JSON
    Column("at", Time, nullable=False),
)
"""Replies in threads of ours that are not known yet: the answer to our own post may be on its way."""

note = Table(
    "note",
    metadata,
    Column("id", String(36), ForeignKey("batch.id"), primary_key=True),
    Column("text", Text, nullable=False),
    Column("thread_ts", Text),
)
"""Words of ours about no single text."""

picture = Table(
    "picture",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("inbound_id", String(36), ForeignKey("inbound.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("url", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="wanted"),  # as domain.message has it
    Column("kind", Text, nullable=False, server_default=""),  # MIME type, by its first bytes
    Column("suffix", Text, nullable=False, server_default=""),
    Column("content", LargeBinary),  # between fetching and sharing only
    Column("file_id", Text, nullable=False, server_default=""),  # Slack's name for it
    Column("reason", Text, nullable=False, server_default=""),  # why it failed, for people
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("due_at", Time, nullable=False),
    Column("lease_until", Time),
    UniqueConstraint("inbound_id", "position"),
    Index(
        "picture_due",
        "state",
        "due_at",
        sqlite_where=text("state IN ('wanted', 'fetched', 'sharing', 'leaving')"),
        postgresql_where=text("state IN ('wanted', 'fetched', 'sharing', 'leaving')"),
    ),
)
"""What came with a text from a phone besides words."""

attachment = Table(
    "attachment",
    metadata,
    Column("batch_id", String(36), ForeignKey("batch.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("file_id", Text, nullable=False),  # Slack's name for it
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False, server_default=""),
    Column("size", BigInteger, nullable=False, server_default="0"),
    Column("url", Text, nullable=False, server_default=""),  # where CarrierX reads it
    Column("said", Text, nullable=False, server_default=""),  # what was done to make it fit
)
"""A file from Slack that goes along with the texts of a batch."""

parcel = Table(
    "parcel",
    metadata,
    Column("batch_id", String(36), ForeignKey("batch.id"), primary_key=True),
    Column("due_at", Time, nullable=False, index=True),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("lease_until", Time),
    Column("reason", Text, nullable=False, server_default=""),  # why the last try was in vain, for people
    Column(
        "place", Integer
    ),  # which file is being fetched, from 1; 0 once all are; None while that is not worth a word
)
"""A batch whose files and links are to be made ready; the row goes when they are, or when they cannot be."""

stored = Table(
    "stored",
    metadata,
    Column("sid", Text, primary_key=True),  # CarrierX's name for it
    Column("batch_id", String(36), ForeignKey("batch.id")),  # whose texts may need it; None when nobody's do
    Column("ends_at", Time, nullable=False),  # it deletes itself then
    Column("due_at", Time, nullable=False),  # not removed before
)
"""What lies in CarrierX's storage as far as it is known; the row goes when the file is gone."""

installation = Table(
    "installation",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1
    Column("mark", Text, nullable=False),
)
"""What the files that we store at CarrierX are named with; another installation in the same account has its own."""

consent = Table(
    "consent",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("number", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("at", Time, nullable=False),  # when it was said or decided
    Column("ours", Text, nullable=False, server_default=""),
    Column("words", Text, nullable=False, server_default=""),
    Column("user_id", Text, nullable=False, server_default=""),  # "" when the phone said it
    Column("reason", Text, nullable=False, server_default=""),
    Column("noted_at", Time, nullable=False),
    Index("consent_of_number", "number", "at"),
)
"""The ledger: who wants no texts, since when, by what words, and who changed that. Nothing erases it."""

opt_out = Table(
    "opt_out",
    metadata,
    Column("number", Text, primary_key=True),
    Column("blocked", Boolean, nullable=False),
    Column("at", Time, nullable=False),  # of the ledger's newest line by CarrierX's time
)
"""Where the ledger stands for each phone."""

number_rule = Table(
    "number_rule",
    metadata,
    Column("number", Text, primary_key=True),
    Column("channel", Text, nullable=False, server_default=""),  # where its inbound texts go; "" is the default
    Column("hours", Text, nullable=False, server_default=""),  # quiet hours; "" is the default
)
"""What administrators set for one of our numbers."""

channel_rule = Table(
    "channel_rule",
    metadata,
    Column("channel", Text, primary_key=True),
    Column("mode", Text, nullable=False, server_default=""),  # auto, ask, off; "" is the default
    Column("everyone", Boolean, nullable=False, server_default=false()),  # guests, other companies, bots too
)
"""What administrators set for a channel."""

cursor = Table(
    "cursor",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Time, nullable=False),
    Column("lease_until", Time),
)
"""How far something has been read, by one process at a time."""

outage = Table(
    "outage",
    metadata,
    Column("name", Text, primary_key=True),
    Column("since", Time, nullable=False),
    Column("told", Boolean, nullable=False, server_default=false()),
)
"""What is out of reach now, and whether people were told."""

receipt = Table(
    "receipt",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("sid", Text, nullable=False, index=True),
    Column("receipt", Text, nullable=False),  # JSON without the text's body
    Column("received_at", Time, nullable=False),
)
"""Receipts that named no text of ours when they came: they may have overtaken CarrierX's answer."""

pace = Table(
    "pace",
    metadata,
    Column("key", Text, primary_key=True),
    Column("next_at", Time, nullable=False),
)
"""Rates shared by all processes (GCRA): when the next request under this key may go at the earliest."""

number = Table(
    "number",
    metadata,
    Column("number", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("locality", Text, nullable=False),
    Column("capabilities", Integer, nullable=False),  # CarrierX's bits: 2 sends SMS, 16 sends MMS
)
"""The account's numbers as last read, so that a start without CarrierX can still offer them."""

hold = Table(
    "hold",
    metadata,
    Column("name", Text, primary_key=True),
    Column("since", Time, nullable=False),
    Column("probe_at", Time, nullable=False),
    Column("probes", Integer, nullable=False),
)
"""What is paused for all processes; the outbox while CarrierX refuses our token."""

post = Table(
    "post",
    metadata,
    Column("id", String(36), primary_key=True),  # travels as message metadata, so that a lost answer can be looked up
    Column("batch_id", String(36), ForeignKey("batch.id"), nullable=False),
    Column("kind", Text, nullable=False),  # as services.showing.Kind has it
    Column("channel", Text, nullable=False),
    Column("thread_ts", Text),
    Column("ts", Text),
    Column("state", Text, nullable=False),  # posting, posted, gone
    Column("started_at", Time, nullable=False),
    Column("shown", Text, nullable=False),  # digest of the content that Slack has
    Column("updated_at", Time),
    Index("post_of_batch", "batch_id", "kind", unique=True),
    Index(
        "post_with_thread",
        "channel",
        "ts",
        sqlite_where=text("thread_ts IS NULL"),
        postgresql_where=text("thread_ts IS NULL"),
    ),
)
"""The bot's messages in Slack; the row is written before the request, so that a crash leaves a trace."""
