"""The migrations of the schema. `upgrade` applies them; no alembic.ini is needed."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from alembic.util import CommandError

from notify.core.errors import Refused

FOLDER = Path(__file__).parent


def upgrade() -> None:
    """Migrate the database of the settings to the newest schema. Safe to repeat, and from several hosts at once.

    Raises `Refused`, and changes nothing, when the database is newer than this code.
    """
    try:
        command.upgrade(_config(), "head")
    except CommandError as error:
        if not isinstance(error.__cause__, ResolutionError):
            raise
        found = error.__cause__.argument
        raise Refused(f"The database has schema {found}, not {head()}.", hint=remedy(found)) from error


def head() -> str:
    """The newest revision that this code knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None  # noqa: S101  there is at least one
    return revision


def remedy(found: str | None) -> str:
    """The hint for a database whose schema is `found` instead of `head()`."""
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found is None or found in known:
        return "Run `tocsin migrate`."
    return "It is newer than this Tocsin: install the version that the database was last migrated with, or a later one."


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    return config
