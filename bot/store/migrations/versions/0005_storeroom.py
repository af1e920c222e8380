"""What lies in CarrierX's storage, whose it is, and how far files are that are being made ready."""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_KEPT = timedelta(days=3) // timedelta(microseconds=1)  # files deleted themselves by then


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
    attachment = sa.table("attachment", sa.column("batch_id"), sa.column("sid"))
    batch = sa.table("batch", sa.column("id"), sa.column("accepted_at"))
    known = sa.select(attachment.c.sid, batch.c.id, batch.c.accepted_at + _KEPT, sa.literal(0))
    known = known.join(batch, batch.c.id == attachment.c.batch_id).where(attachment.c.sid != "")
    op.execute(sa.insert(stored).from_select(["sid", "batch_id", "ends_at", "due_at"], known))
    with op.batch_alter_table("attachment") as table:
        table.drop_column("sid")
    with op.batch_alter_table("parcel") as table:
        table.add_column(sa.Column("reason", sa.Text(), server_default="", nullable=False))
        table.add_column(sa.Column("place", sa.Integer(), nullable=True))
