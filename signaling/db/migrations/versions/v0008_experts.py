"""Which lectures a class was at."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    with op.batch_alter_table("attendance_facts", schema=None) as batch_op:
        batch_op.create_index("ix_attendance_facts_class_id", ["class_id", "lecture_id"], unique=False)


def downgrade() -> None:
    """Take it away."""
    with op.batch_alter_table("attendance_facts", schema=None) as batch_op:
        batch_op.drop_index("ix_attendance_facts_class_id")
