"""Conversations: texts from phones, replies in threads, opt-outs, and what administrators set."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _batches_and_messages()
    _conversations()
    _consent()
    _rules()


def _batches_and_messages() -> None:
    with op.batch_alter_table("batch") as batch:
        batch.add_column(sa.Column("origin", sa.Text(), server_default="command", nullable=False))
        batch.add_column(sa.Column("conversation_id", sa.String(length=36), nullable=True))
        batch.add_column(sa.Column("left_channel", sa.Text(), server_default="", nullable=False))
        batch.add_column(sa.Column("left_ts", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "batch_of_conversation",
        "batch",
        ["conversation_id", "accepted_at"],
        sqlite_where=sa.text("wants = 2"),
        postgresql_where=sa.text("wants = 2"),
    )
    with op.batch_alter_table("message") as message:
        message.add_column(sa.Column("ready_at", sa.BigInteger(), server_default="0", nullable=False))
        message.add_column(sa.Column("send_by", sa.BigInteger(), nullable=True))
        message.add_column(sa.Column("zones", sa.Text(), server_default="", nullable=False))
        message.add_column(sa.Column("purpose", sa.Text(), server_default="", nullable=False))
        message.add_column(sa.Column("erased", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE message SET ready_at = accepted_at")
    op.create_index(
        "message_of_ours",
        "message",
        ["recipient", "accepted_at"],
        sqlite_where=sa.text("purpose <> ''"),
        postgresql_where=sa.text("purpose <> ''"),
    )


def _conversations() -> None:
    op.create_table(
        "conversation",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("pair", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("asked_in", sa.Text(), nullable=False),
        sa.Column("thread_ts", sa.Text(), nullable=True),
        sa.Column("root_id", sa.String(length=36), nullable=False),
        sa.Column("active_at", sa.BigInteger(), nullable=False),
        sa.Column("inbound_at", sa.BigInteger(), nullable=True),
        sa.Column("nudged_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("pair"),
    )
    op.create_index("conversation_of_thread", "conversation", ["channel", "thread_ts"])
    op.create_index(
        "post_with_thread",
        "post",
        ["channel", "ts"],
        sqlite_where=sa.text("thread_ts IS NULL"),
        postgresql_where=sa.text("thread_ts IS NULL"),
    )
    op.create_table(
        "inbound",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("message_sid", sa.Text(), nullable=True),
        sa.Column("record_sid", sa.Text(), nullable=True),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("ours", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("media_urls", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.Column("late", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("broadcast", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("keyword", sa.Text(), server_default="", nullable=False),
        sa.Column("blocked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("wish", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_by", sa.Text(), server_default="", nullable=False),
        sa.Column("erased", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["batch.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_sid"),
        sa.UniqueConstraint("record_sid"),
    )
    op.create_index("inbound_of_number", "inbound", ["number", "received_at"])
    op.create_table(
        "arrival",
        sa.Column("id", _serial(), autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("arrival_sid", "arrival", ["source", "sid"], unique=True)
    op.create_index("arrival_due", "arrival", ["due_at"])
    op.create_table(
        "reply",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ts", sa.Text(), nullable=False),
        sa.Column("thread_ts", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["batch.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reply_of_slack", "reply", ["channel", "ts"], unique=True)
    op.create_table(
        "stray",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("ts", sa.Text(), nullable=False),
        sa.Column("thread_ts", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "ts"),
    )
    op.create_table(
        "note",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("thread_ts", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["id"], ["batch.id"]),
        sa.PrimaryKeyConstraint("id"),
    )


def _consent() -> None:
    op.create_table(
        "consent",
        sa.Column("id", _serial(), autoincrement=True, nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("ours", sa.Text(), server_default="", nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("user_id", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("noted_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("consent_of_number", "consent", ["number", "at"])
    op.create_table(
        "opt_out",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )


def _rules() -> None:
    op.create_table(
        "number_rule",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), server_default="", nullable=False),
        sa.Column("hours", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "channel_rule",
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), server_default="", nullable=False),
        sa.Column("everyone", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("channel"),
    )
    op.create_table(
        "cursor",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "outage",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )


def _serial() -> sa.types.TypeEngine[int]:
    """SQLite counts only in an INTEGER primary key."""
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
