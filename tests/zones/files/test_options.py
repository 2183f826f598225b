"""The command line and REST offer the same options of an import, each declared once."""

import inspect
from dataclasses import fields
from typing import Any

import typer.main
from typer.testing import CliRunner

from api.rest.zone_import import Asked, _field
from notify.city.zone_import import Accepted
from notify.cli import zones as commands
from zones.files.options import Option, spread
from zones.files.zonefile import Options


def declared() -> dict[str, Option]:
    options = {one.name: one.metadata["option"] for one in (*fields(Options), *fields(Accepted))}
    return {option.name or name: option for name, option in options.items()}


def test_each_option_of_a_file_is_offered_by_the_command_with_its_words_and_bounds() -> None:
    group: Any = typer.main.get_command(commands.commands)
    offered = {one.name: one for one in group.commands["import"].params}
    for name, option in declared().items():
        assert offered[name].help == option.words
        assert offered[name].opts == [f"--{name.replace('_', '-')}"]
        assert not offered[name].secondary_opts
    assert "options" not in offered
    far = ["import", "any.geojson", "--kind", "snow", "--buffer-m", "10001"]
    assert "less than or equal to 10000" in CliRunner().invoke(commands.commands, far).output


def test_each_option_of_a_file_is_a_field_of_the_form_with_its_words() -> None:
    offered = inspect.signature(spread(Asked, _field)).parameters
    for name, option in declared().items():
        assert offered[name].annotation.__metadata__[0].description == option.words


def test_options_come_back_as_the_values_that_they_were_spread_from() -> None:
    def asked(options: Options, accepted: Accepted, dry_run: bool = False) -> Any:
        return options, accepted, dry_run

    given = spread(asked, lambda _name, of, _option: of)
    defaults = {name: one.default for name, one in inspect.signature(given).parameters.items()}
    told = given(**defaults | {"crs": "EPSG:2272", "accept_repairs": True, "dry_run": True})
    assert told == (Options(crs="EPSG:2272"), Accepted(repairs=True), True)
