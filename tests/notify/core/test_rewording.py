"""What Pydantic says of a value, for people."""

import pytest
from pydantic import BaseModel, Field, ValidationError

from notify.core.rewording import reworded


class Asked(BaseModel):
    whole: int = Field(1, ge=1, le=9)
    number: float = Field(1.0, gt=0, lt=5)
    yes: bool = True


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("whole", "two", "give a whole number"),
        ("whole", 1.5, "give a whole number"),
        ("whole", 0, "give 1 or more"),
        ("whole", 10, "give 9 or less"),
        ("number", "x", "give a number"),
        ("number", 0, "give more than 0"),
        ("number", 5, "give less than 5"),
        ("yes", "perhaps", "give true or false"),
    ],
)
def test_a_raw_text_becomes_plain(name: str, value: object, told: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        Asked.model_validate({name: value})
    assert reworded(wrong.value.errors()[0]["msg"]) == told


def test_a_choice_that_was_nearly_right_is_named() -> None:
    assert reworded("Value error, 'strom' is not one of 'snow', 'storm'.") == (
        "'strom' is not one of 'snow', 'storm'. Did you mean storm?"
    )
    assert reworded("'x' is not one of 'snow', 'storm'.") == "'x' is not one of 'snow', 'storm'."
