"""`tocsin verify`: check a signed copy of an alert without a database."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from notify.cli.commands import Commands, Json
from notify.cli.output import console, print_json
from notify.content.compose import UNSUBSCRIBE_URL
from notify.core import statements
from notify.core.errors import Invalid, Unavailable
from notify.core.settings import settings
from notify.core.statements import NotGenuine
from notify.core.translation import gettext as _
from notify.core.translation import speaking

commands = Commands()

TIMEOUT_S = 20.0
MOST_BYTES = 4 * 2**20
KEYS = "/.well-known/tocsin-keys.json"


@commands.named("verify")
def verify(
    copy: Annotated[str, typer.Argument(metavar="FILE|CODE", help="A signed copy, or an alert's number.")],
    keys: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The city's keys; else they are fetched from its site.")
    ] = None,
    site: Annotated[str, typer.Option(metavar="URL", help="The city's site; else TOCSIN_PUBLIC_URL.")] = "",
    as_json: Json = False,
) -> None:
    """Check a signed copy of an alert: did the city send these words?

    With FILE and --keys nothing is fetched. With CODE the copy is fetched from the city's site. Exits with 0 if it is
    genuine, with 1 if it is not, with 2 if it could not be checked.
    """
    at = (site or settings().public_url).rstrip("/")
    if copy.isascii() and copy.isdecimal() and not Path(copy).exists():
        found = _fetched(f"{at}/verify/{copy}.json")
    else:
        found = _read(Path(copy))
    published = statements.read_keys(_read(keys) if keys else _fetched(at + KEYS))
    try:
        statement = statements.check(found, published)
    except NotGenuine as error:
        if as_json:
            print_json({"genuine": False, "why": str(error)})
        else:
            console.print(f"NOT GENUINE. {error}", markup=False)
        raise typer.Exit(1) from None
    if as_json:
        print_json({"genuine": True, "key": found["key"], "statement": statement})
        return
    console.print(
        f"Genuine. {statement['city']} sent alert {statement['id']} at {statement['launched']}.", markup=False
    )
    if statement["status"] != "Actual":
        console.print(f"It was practice: {statement['status']}.", markup=False)
    for words in (statement["words"], *statement.get("wordings", ())):
        _show(words)


def _show(words: Mapping[str, Any]) -> None:
    for channel, by_language in words.items():
        for language, said in by_language.items():
            with speaking(language):
                own_link = _("(a link of each recipient's own)")
            console.print(f"\n{channel}, {language}:\n{said['text'].replace(UNSUBSCRIBE_URL, own_link)}", markup=False)


def _read(path: Path) -> Any:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise Invalid(f"{path} is too large for a signed copy or a set of keys.")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.", hint="Name a file, or an alert's number.") from None
    except (ValueError, RecursionError):
        raise Invalid(f"{path} is not a JSON file.", hint="Save /verify/N.json of the city's site.") from None


def _fetched(address: str) -> Any:
    if not address.startswith(("https://", "http://")):
        raise Invalid(f"{address} is not a web address.", hint="Give --site https://...")
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT_S) as answer:  # noqa: S310  checked above
            return json.loads(answer.read(MOST_BYTES))
    except urllib.error.HTTPError as error:
        error.close()  # it is an answer, too, and keeps its connection
        if error.code == 404:
            raise Unavailable(
                f"{address} does not exist.", hint="Is it the right number, and the city's site?"
            ) from None
        raise Unavailable(f"{address} answers {error.code}.", hint="Try again later.") from None
    except RecursionError:
        raise Unavailable(f"{address} is no JSON file of a city.", hint="Save the files and name them.") from None
    except (OSError, ValueError) as error:
        raise Unavailable(f"{address} cannot be read: {error}.", hint="Save the files and name them.") from None
