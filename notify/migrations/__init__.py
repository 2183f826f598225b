"""The schema's history. `upgrade` brings a database to its newest version; no alembic.ini is needed."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

FOLDER = Path(__file__).parent


def upgrade() -> None:
    """Bring the database of the settings to the newest schema. Safe to run again, also from several hosts at once."""
    command.upgrade(_config(), "head")


def head() -> str:
    """The newest revision that this code knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None  # noqa: S101  there is a first schema
    return revision


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config
