"""Which thread a group's text was written in, for answers of phones that know it without those who said STOP."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    only = sa.text("is_group")
    op.create_index("message_of_group", "message", ["pair"], sqlite_where=only, postgresql_where=only)
