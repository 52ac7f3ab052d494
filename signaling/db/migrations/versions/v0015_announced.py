"""The title under which schools know a lecture: what was in their calendars stays in them, also when its approval is lost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what is approved today is known today."""
    with op.batch_alter_table("lectures") as table:
        table.add_column(sa.Column("announced", sa.String(length=128), server_default="", nullable=False))
    op.execute("UPDATE lectures SET announced = title WHERE approved_at IS NOT NULL")


def downgrade() -> None:
    """Take it away."""
    with op.batch_alter_table("lectures") as table:
        table.drop_column("announced")
