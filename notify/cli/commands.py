"""What all commands share: `--data`, which finds the running stack, and `--json`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperOption

from notify.local.stack import load_env
from notify.settings import settings

DEFAULT_DATA = "tocsin-data"

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
As = Annotated[str, typer.Option("--as", metavar="EMAIL", help="The operator who does this.")]


class Commands(typer.Typer):
    """A group of commands that all take `--data`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **options)

    def command(self, *args: Any, **options: Any) -> Callable[[Any], Any]:
        return super().command(*args, **{"cls": _WithData} | options)


class _WithData(TyperCommand):
    def __init__(self, **options: Any) -> None:
        params = list(options.pop("params", None) or [])
        params.append(
            TyperOption(
                param_decls=["--data"],
                metavar="DIR",
                help=f"Data folder of the stack (default: TOCSIN_DATA, or {DEFAULT_DATA}).",
                expose_value=False,
                is_eager=True,
                callback=lambda _context, _param, value: use_data(value),
            )
        )
        super().__init__(params=params, **options)


def use_data(folder: str | None) -> None:
    """Take the settings of the stack on this folder, unless the environment names servers of its own."""
    if folder:
        os.environ["TOCSIN_DATA"] = folder
    os.environ.setdefault("TOCSIN_DATA", DEFAULT_DATA)
    if "TOCSIN_DATABASE_URL" not in os.environ:
        load_env(Path(os.environ["TOCSIN_DATA"]))
    settings.cache_clear()


def data_folder() -> Path:
    return Path(os.environ["TOCSIN_DATA"])
