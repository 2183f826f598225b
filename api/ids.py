"""Ids in paths, as PostgreSQL's bigint knows them: anything else is no such thing."""

from typing import Annotated

from fastapi import Path

Id = Annotated[int, Path(ge=1, lt=2**63)]
