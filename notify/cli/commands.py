"""The options that all commands share, and how `--data` finds the running stack."""

import functools
import inspect
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

import typer

from notify.core import actor
from notify.local.folder import given, load_env, running

DEFAULT_DATA = "tocsin-data"

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
TimeLimit = Annotated[
    float | None,
    typer.Option(min=1, max=86_400, help="Time limit for reading the file, in seconds; grows with its size."),
]
_AS = typer.Option("--as", metavar="EMAIL", help="The operator who does this; set TOCSIN_OPERATOR_KEY to their key.")
As = Annotated[str, _AS]
MaybeAs = Annotated[str | None, _AS]

Data = Annotated[
    str | None,
    typer.Option(
        metavar="DIR", help=f"Data folder of the stack (default: TOCSIN_DATA, or {DEFAULT_DATA}).", show_default=False
    ),
]


class Commands(typer.Typer):
    """A group of commands that all take `--data`. `light`: they avoid the libraries of the others."""

    def __init__(self, *, light: bool = False, **options: Any) -> None:
        super().__init__(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **options)
        self._light = light

    def add(
        self, name: str, function: Callable[..., None], *, starts: bool = False, serves: bool = False, **options: Any
    ) -> None:
        """Add a command. `starts`: it may start a stack of its own, so settings left by the last stack are not used.

        `serves`: it runs for others, such as the web server; what they do there is not done by this command.
        """

        @functools.wraps(function)
        def with_data(*args: Any, data: str | None = None, **values: Any) -> None:
            choose_data(data)
            if not self._light:
                keep_logs()
            if starts:
                function(*args, **values)
                return
            find_stack()
            with nullcontext() if serves else actor.command():
                function(*args, **values)

        signature = inspect.signature(function, eval_str=True)
        parameters = [*signature.parameters.values(), _DATA]
        with_data.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # Typer reads it
        with_data.__annotations__ = {p.name: p.annotation for p in parameters}
        super().command(name, **options)(with_data)

    def named(self, name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
        """Return the decorator for a command."""

        def register(function: Callable[..., None]) -> Callable[..., None]:
            self.add(name, function)
            return function

        return register


def keep_logs() -> None:
    """Log warnings to stderr. Processes that serve choose their own configuration."""
    from notify.core import logs  # imports structlog, which takes a while

    logs.configure("WARNING", "text")


_DATA = inspect.Parameter("data", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Data)


def choose_data(folder: str | None) -> None:
    if folder:
        os.environ["TOCSIN_DATA"] = folder
    os.environ.setdefault("TOCSIN_DATA", DEFAULT_DATA)
    _read_again()


def find_stack() -> None:
    """Use the settings of the stack in the data folder, unless the environment names servers."""
    if "TOCSIN_DATABASE_URL" not in given():
        load_env(data_folder())
    _read_again()


def hint_when_away() -> str:
    """Return a hint for a database that does not answer, depending on whose it is."""
    if "TOCSIN_DATABASE_URL" in given():
        return "TOCSIN_DATABASE_URL names it; run `tocsin check`."
    folder = data_folder()
    if running(folder) is None:
        return f"The stack of {folder} is not running. Start it with `tocsin up --data {folder}`."
    return f"The stack of {folder} is running: look into {folder / 'logs'}, or stop `tocsin up` and start it again."


def hint_wrong_key() -> str:
    """Return where a local stack gets its key from; "" for other installations."""
    kept = data_folder() / "secrets.json"
    if not kept.exists():
        return ""
    return f"`tocsin up` takes it from {kept} (secret_key), unless TOCSIN_SECRET_KEY is set."


def _read_again() -> None:
    from notify.core.settings import settings  # imports pydantic, which --help does not need

    settings.cache_clear()


def data_folder() -> Path:
    return Path(os.environ.get("TOCSIN_DATA") or DEFAULT_DATA)
