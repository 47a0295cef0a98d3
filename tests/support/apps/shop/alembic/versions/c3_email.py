"""email of customers"""

import sqlalchemy as sa
from alembic import op

revision = "c3"
down_revision = ("b2",)


def upgrade() -> None:
    with op.batch_alter_table("customers", recreate="auto") as batch:
        batch.add_column(sa.Column("email", sa.String(200)))


def downgrade() -> None:
    with op.batch_alter_table("customers") as batch:
        batch.drop_column("email")
