"""Keys of screens, and what their browsers can do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; screens that are paired already go on with their token alone."""
    with op.batch_alter_table("screens", schema=None) as batch_op:
        batch_op.add_column(sa.Column("key_thumbprint", sa.String(length=43), nullable=True))
        batch_op.add_column(sa.Column("tier", sa.String(length=2), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("capability", sa.Text(), nullable=False, server_default=""))
    with op.batch_alter_table("pairings", schema=None) as batch_op:
        batch_op.add_column(sa.Column("key_thumbprint", sa.String(length=43), nullable=True))


def downgrade() -> None:
    """Take them away."""
    with op.batch_alter_table("pairings", schema=None) as batch_op:
        batch_op.drop_column("key_thumbprint")
    with op.batch_alter_table("screens", schema=None) as batch_op:
        for column in ("capability", "tier", "key_thumbprint"):
            batch_op.drop_column(column)
