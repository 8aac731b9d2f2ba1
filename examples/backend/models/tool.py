"""Tools: built in (no owner), or a user's own."""

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from backend.models.base import Base, CreatedAt, IntPk


class Tool(Base):
    """Something an agent may call."""

    __tablename__ = "tools"
    __table_args__ = (
        Index("uq_tools_owner_id_name", "owner_id", "name", unique=True),
        # NULLs are never equal, so the built-in ones need an index of their own.
        Index(
            "uq_tools_built_in_name",
            "name",
            unique=True,
            sqlite_where=text("owner_id IS NULL"),
            postgresql_where=text("owner_id IS NULL"),
        ),
        {"sqlite_autoincrement": True},  # the id of a deleted tool is not given again
    )

    id: Mapped[IntPk]
    owner_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE")
    )
    name: Mapped[str] = mapped_column(String(100))
    description: Mapped[str | None] = mapped_column(String(1000))
    created_at: Mapped[CreatedAt]

    @property
    def built_in(self) -> bool:
        """Tell whether the tool is everybody's."""
        return self.owner_id is None
