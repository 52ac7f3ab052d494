"""Indexes that know the numbers and the order of the console's long lists."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_classes_school_code_stage", "classes", ["school_code", "stage", "closed_on", "pupils", "id"]),
    ("ix_screens_class_id_revoked_at", "screens", ["class_id", "revoked_at", "paired_at"]),
    ("ix_teachers_name", "teachers", ["name", "school_code", "staff_no"]),
)


OF_LECTURE = "ix_lecture_targets_lecture_id_school_code"


def upgrade() -> None:
    """Add them; let that of expected classes know these too."""
    op.drop_index(OF_LECTURE, table_name="lecture_targets")
    op.create_index(OF_LECTURE, "lecture_targets", ["lecture_id", "school_code", "class_id"], unique=False)
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns, unique=False)


def downgrade() -> None:
    """Take them away."""
    for name, table, _ in INDEXES:
        op.drop_index(name, table_name=table)
    op.drop_index(OF_LECTURE, table_name="lecture_targets")
    op.create_index(OF_LECTURE, "lecture_targets", ["lecture_id", "school_code"], unique=False)
