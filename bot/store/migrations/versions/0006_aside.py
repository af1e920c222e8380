"""What waits in Slack for another of its conversation steps aside, so that a claim need not pass over it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("batch", sa.Column("aside", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.drop_index("batch_to_post", "batch")
    op.create_index(
        "batch_to_post",
        "batch",
        ["channel", "urgent", "show_at"],
        sqlite_where=sa.text("wants = 2 AND aside = 0"),
        postgresql_where=sa.text("wants = 2 AND NOT aside"),
    )
    unposted = sa.text("wants = 2")
    op.drop_index("batch_of_conversation", "batch")
    op.create_index(
        "batch_of_conversation",
        "batch",
        ["conversation_id", "accepted_at", "id"],
        sqlite_where=unposted,
        postgresql_where=unposted,
    )
