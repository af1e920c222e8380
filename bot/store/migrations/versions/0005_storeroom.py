"""What lies in CarrierX's storage, whose it is, and how far files are that are being made ready."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_KEPT = timedelta(days=3)  # files deleted themselves by then; when each was stored is not known


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    stored = op.create_table(
        "stored",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.String(length=36), nullable=True),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"]),
        sa.PrimaryKeyConstraint("sid"),
    )
    ends_at = (datetime.now(UTC) + _KEPT - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    attachment = sa.table("attachment", sa.column("batch_id"), sa.column("sid"))
    known = sa.select(attachment.c.sid, attachment.c.batch_id, sa.literal(ends_at, sa.BigInteger()), sa.literal(0))
    known = known.where(attachment.c.sid != "")
    op.execute(sa.insert(stored).from_select(["sid", "batch_id", "ends_at", "due_at"], known))
    with op.batch_alter_table("attachment") as table:
        table.drop_column("sid")
    with op.batch_alter_table("parcel") as table:
        table.add_column(sa.Column("reason", sa.Text(), server_default="", nullable=False))
        table.add_column(sa.Column("place", sa.Integer(), nullable=True))
