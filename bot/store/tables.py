"""The tables. The message table is the outbox: what people asked for and what became of it, in one place.

Times are whole microseconds since 1970 in UTC: both databases order and compare them alike, and no driver can
take them for local time. Ids are random UUIDs as text. JSON is text that only this package reads.
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
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
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
    Column("moved", Text, nullable=False, server_default=""),  # why the two differ: "", not_in_channel, archived
    Column("again", String(36), nullable=False, server_default=""),  # the batch that it repeats, or ""
    Column("sender", Text, nullable=False),
    Column("response_url", Text, nullable=False),  # "" once used or too old
    Column("accepted_at", Time, nullable=False),
    # What Slack should show. `wants`: 0 nothing, 1 an update, 2 a post.
    Column("wants", Integer, nullable=False, server_default="2"),
    Column("urgent", Boolean, nullable=False, server_default=false()),  # a final state goes before an intermediate one
    Column(
        "version", Integer, nullable=False, server_default="0"
    ),  # grows with each change, so that a change during a post is seen
    Column("show_at", Time, nullable=False),  # not before
    Column("show_lease", Time),
    # The announcer asks each channel for its next post and each workspace for its next update.
    Index(
        "batch_to_post",
        "channel",
        "urgent",
        "show_at",
        sqlite_where=text("wants = 2"),
        postgresql_where=text("wants = 2"),
    ),
    Index(
        "batch_to_update",
        "team",
        "urgent",
        "show_at",
        sqlite_where=text("wants = 1"),
        postgresql_where=text("wants = 1"),
    ),
    Index("batch_last_used", "accepted_at"),
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
    Column("paced", Boolean, nullable=False, server_default=false()),  # has its slot; not_before is that slot
    Column("lease_owner", String(36)),
    Column("lease_until", Time),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Looking for it, while sending; asking for its state, while queued or sent.
    Column("checking_since", Time),
    Column("busy", Boolean, nullable=False, server_default=false()),  # the doubt came from a 503
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
    Column("kind", Text, nullable=False),  # root, status, trouble
    Column("channel", Text, nullable=False),
    Column("thread_ts", Text),
    Column("ts", Text),
    Column("state", Text, nullable=False),  # posting, posted, gone
    Column("started_at", Time, nullable=False),
    Column("shown", Text, nullable=False),  # digest of the content that Slack has
    Column("updated_at", Time),
    Index("post_of_batch", "batch_id", "kind", unique=True),
)
"""The bot's messages in Slack; the row is written before the request, so that a crash leaves a trace."""
