"""Ids and names in paths. An id is within the range of PostgreSQL's bigint; anything else is answered with 404."""

from typing import Annotated

from fastapi import Path
from starlette.convertors import PathConvertor, register_url_convertor

Id = Annotated[int, Path(ge=1, lt=2**63)]


class AnyName(PathConvertor):
    """`{name:any_name}`: like Starlette's `path`, with line breaks, or a name with one would be answered with 405."""

    regex = r"[\s\S]*"


register_url_convertor("any_name", AnyName())
