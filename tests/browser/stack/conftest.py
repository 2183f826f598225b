"""The stack of real processes of the acceptance tests, for the few tests of pages that need one."""

from tests.acceptance.conftest import _calm, city

__all__ = ["_calm", "city"]
