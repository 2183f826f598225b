"""Ids in paths, within the range of PostgreSQL's bigint. Anything else is answered with 404."""

from typing import Annotated

from fastapi import Path

Id = Annotated[int, Path(ge=1, lt=2**63)]
