"""The language in which an operator reads the console."""

from sqlalchemy.orm import Session

from notify.core.errors import Invalid
from notify.core.translation import LOCALES
from notify.core.translation import gettext as _
from notify.models import Operator


def require(language: str) -> None:
    """Raise Invalid for a language that the console does not speak."""
    if language not in LOCALES:
        raise Invalid(
            _("The console does not speak %(language)s.", language=repr(language)),
            hint=_("Choose one of these: %(languages)s.", languages=", ".join(LOCALES)),
        )


def choose(s: Session, operator: Operator, language: str) -> None:
    """Keep the language for an operator, on every device. It needs no audit: it changes nothing for anybody else."""
    require(language)
    s.merge(operator).language = language
