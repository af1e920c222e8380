"""Texts: batches, messages, receipts, and what Slack shows of them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("asked_in", sa.Text(), nullable=False),
        sa.Column("moved", sa.Text(), server_default="", nullable=False),
        sa.Column("again", sa.String(length=36), server_default="", nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("response_url", sa.Text(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("wants", sa.Integer(), server_default="2", nullable=False),
        sa.Column("urgent", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("show_at", sa.BigInteger(), nullable=False),
        sa.Column("show_lease", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("batch_last_used", "batch", ["accepted_at"], unique=False)
    op.create_index(
        "batch_to_post",
        "batch",
        ["channel", "urgent", "show_at"],
        unique=False,
        sqlite_where=sa.text("wants = 2"),
        postgresql_where=sa.text("wants = 2"),
    )
    op.create_index(
        "batch_to_update",
        "batch",
        ["team", "urgent", "show_at"],
        unique=False,
        sqlite_where=sa.text("wants = 1"),
        postgresql_where=sa.text("wants = 1"),
    )
    op.create_table(
        "hold",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("probe_at", sa.BigInteger(), nullable=False),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "number",
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("locality", sa.Text(), nullable=False),
        sa.Column("capabilities", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "pace",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "receipt",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_receipt_sid"), "receipt", ["sid"], unique=False)
    op.create_table(
        "retry",
        sa.Column("retry_of", sa.Text(), nullable=False),
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("retry_of"),
    )
    op.create_table(
        "message",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=False),
        sa.Column("pair", sa.Text(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=False),
        sa.Column("is_group", sa.Boolean(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("media_urls", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="accepted", nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("sending_at", sa.BigInteger(), nullable=True),
        sa.Column("queued_at", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("final_at", sa.BigInteger(), nullable=True),
        sa.Column("wait", sa.Text(), nullable=True),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("paced", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("lease_owner", sa.String(length=36), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("checking_since", sa.BigInteger(), nullable=True),
        sa.Column("busy", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("check_at", sa.BigInteger(), nullable=True),
        sa.Column("checks", sa.Integer(), server_default="0", nullable=False),
        sa.Column("sid", sa.Text(), nullable=True),
        sa.Column("record_sid", sa.Text(), nullable=True),
        sa.Column("word", sa.Text(), server_default="", nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("segments", sa.Integer(), nullable=True),
        sa.Column("price", sa.Text(), server_default="", nullable=False),
        sa.Column("carrier_created_at", sa.BigInteger(), nullable=True),
        sa.Column("carrier_final_at", sa.BigInteger(), nullable=True),
        sa.Column("unreceipted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("retried", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["batch.id"],
        ),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
    )
    op.create_index(op.f("ix_message_batch_id"), "message", ["batch_id"], unique=False)
    op.create_index(
        "message_due",
        "message",
        ["not_before", "seq"],
        unique=False,
        sqlite_where=sa.text("status = 'accepted'"),
        postgresql_where=sa.text("status = 'accepted'"),
    )
    op.create_index(
        "message_one_sending",
        "message",
        ["pair"],
        unique=True,
        sqlite_where=sa.text("status = 'sending'"),
        postgresql_where=sa.text("status = 'sending'"),
    )
    op.create_index(
        "message_open",
        "message",
        ["pair", "seq"],
        unique=False,
        sqlite_where=sa.text("status IN ('accepted', 'sending')"),
        postgresql_where=sa.text("status IN ('accepted', 'sending')"),
    )
    op.create_index("message_sid", "message", ["sid"], unique=False)
    op.create_index(
        "message_to_check",
        "message",
        ["check_at"],
        unique=False,
        sqlite_where=sa.text("check_at IS NOT NULL"),
        postgresql_where=sa.text("check_at IS NOT NULL"),
    )
    op.create_table(
        "post",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("thread_ts", sa.Text(), nullable=True),
        sa.Column("ts", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["batch.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("post_of_batch", "post", ["batch_id", "kind"], unique=True)
    op.create_table(
        "recipient",
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), server_default="accepted", nullable=False),
        sa.Column("word", sa.Text(), server_default="", nullable=False),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("final_at", sa.BigInteger(), nullable=True),
        sa.Column("retried", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"],
            ["message.id"],
        ),
        sa.PrimaryKeyConstraint("message_id", "number"),
    )


def downgrade() -> None:
    for table in ("post", "recipient", "message", "batch", "retry", "receipt", "pace", "number", "hold"):
        op.drop_table(table)
