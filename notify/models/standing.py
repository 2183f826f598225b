"""What later alerts of its incident have left of a launched alert."""

from sqlalchemy import Text, false
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from notify.models.base import Base


class Standing(Base):
    """Of an alert without a row, everything stands.

    `superseded_by`: later alerts have the last word in all of its area, this is the newest. `ended_by`: all-clears went
    to all of its area, this is the newest. Otherwise `left_area` is where it still has the last word (WKB), and
    `left_in` the names of its zones there. `unsaid`: in some of it (`Alert.withdrawn`) it is not true any more, and no
    later alert speaks there yet.
    """

    __tablename__ = "standings"
    alert_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    superseded_by: Mapped[int | None]
    ended_by: Mapped[int | None]
    left_area: Mapped[bytes | None]
    left_in: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    unsaid: Mapped[bool] = mapped_column(server_default=false())
