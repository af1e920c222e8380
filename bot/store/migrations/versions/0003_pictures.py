"""Pictures and other files: those that came with texts from phones, and those from Slack that go along with ours."""

import json
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _from_phones()
    _from_slack()
    _in_strays()


def _from_slack() -> None:
    with op.batch_alter_table("message") as message:
        message.add_column(sa.Column("preparing", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "attachment",
        sa.Column("batch_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sid", sa.Text(), server_default="", nullable=False),
        sa.Column("url", sa.Text(), server_default="", nullable=False),
        sa.Column("said", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"]),
        sa.PrimaryKeyConstraint("batch_id", "position"),
    )
    op.create_table(
        "parcel",
        sa.Column("batch_id", sa.String(length=36), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"]),
        sa.PrimaryKeyConstraint("batch_id"),
    )
    op.create_index(op.f("ix_parcel_due_at"), "parcel", ["due_at"])


def _in_strays() -> None:
    """Replies that wait for minutes only; until now they knew how many files they have, and not which."""
    stray = sa.table("stray", sa.column("channel"), sa.column("ts"), sa.column("body"))
    connection = op.get_bind()
    for row in connection.execute(sa.select(stray)).all():
        body = json.loads(row.body)
        this = (stray.c.channel == row.channel, stray.c.ts == row.ts)
        if body["files"]:  # its words alone are not what its author wants to say
            connection.execute(sa.delete(stray).where(*this))
        else:
            connection.execute(sa.update(stray).where(*this).values(body=json.dumps(body | {"files": []})))


def _from_phones() -> None:
    open_ones = sa.text("state IN ('wanted', 'fetched', 'sharing', 'leaving')")
    pictures = op.create_table(
        "picture",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("inbound_id", sa.String(length=36), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="wanted", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("suffix", sa.Text(), server_default="", nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("file_id", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["inbound_id"], ["inbound.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("inbound_id", "position"),
    )
    op.create_index("picture_due", "picture", ["state", "due_at"], sqlite_where=open_ones, postgresql_where=open_ones)
    inbound = sa.table("inbound", sa.column("id"), sa.column("media_urls"), sa.column("received_at"))
    known = sa.select(inbound.c.id, inbound.c.media_urls, inbound.c.received_at).where(inbound.c.media_urls != "[]")
    rows = [
        {
            "id": str(uuid4()),
            "inbound_id": row.id,
            "position": position,
            "url": url,
            "state": "linked",
            "due_at": row.received_at,
        }
        for row in op.get_bind().execute(known).all()
        for position, url in enumerate(json.loads(row.media_urls))
    ]
    if rows:
        op.bulk_insert(pictures, rows)
    with op.batch_alter_table("inbound") as table:
        table.drop_column("media_urls")
