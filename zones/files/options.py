"""Options that several doors offer under the same names: a dataclass declares them, and each door spreads it out."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from functools import wraps
from typing import Any, TypeVar, get_type_hints

R = TypeVar("R")
_KEY = "option"


@dataclass(frozen=True, slots=True)
class Option:
    """`name`: how it is offered, if not as its field is called. Bounds of a number: `least` and `most`."""

    words: str  # its help
    name: str = ""
    metavar: str | None = None
    longest: int | None = None  # characters
    least: float | None = None
    most: float | None = None


def option(default: Any, words: str, **more: Any) -> Any:
    """A field of a dataclass that is offered as an option."""
    return field(default=default, metadata={_KEY: Option(words, **more)})


def spread(function: Callable[..., R], annotated: Callable[[str, Any, Option], Any]) -> Callable[..., R]:
    """The function with a parameter for each option, in place of each parameter that is a dataclass of options.

    `annotated`: the offered name, type and option -> the annotation of that parameter.
    """
    signature = inspect.signature(function, eval_str=True)
    groups = {p.name: p.annotation for p in signature.parameters.values() if _has_options(p.annotation)}
    offered = {
        name: [(one.metadata[_KEY].name or one.name, one) for one in fields(group)] for name, group in groups.items()
    }
    parameters = []
    for parameter in signature.parameters.values():
        if parameter.name not in groups:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        types = get_type_hints(groups[parameter.name])
        parameters += [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=one.default,
                annotation=annotated(name, types[one.name], one.metadata[_KEY]),
            )
            for name, one in offered[parameter.name]
        ]

    @wraps(function)
    def spread_out(**given: Any) -> R:
        made = {
            parameter: group(**{one.name: given.pop(name) for name, one in offered[parameter]})
            for parameter, group in groups.items()
        }
        return function(**given, **made)

    vars(spread_out)["__signature__"] = signature.replace(parameters=parameters)
    spread_out.__annotations__ = {one.name: one.annotation for one in parameters}
    return spread_out


def _has_options(annotation: Any) -> bool:
    return is_dataclass(annotation) and all(_KEY in one.metadata for one in fields(annotation))
