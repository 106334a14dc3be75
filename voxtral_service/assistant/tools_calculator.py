"""Sums, exactly."""

from __future__ import annotations

from pydantic import BaseModel, Field

from voxtral_service.assistant.arithmetic import MAX_LENGTH, NotASum, evaluate, written
from voxtral_service.assistant.tools import BuiltIn, ToolFailed


class CalculatorArguments(BaseModel):
    """What to work out."""

    expression: str = Field(max_length=MAX_LENGTH, description="For example 17*23, 15% of 80, sqrt(2), two plus two.")


async def _calculate(asked: CalculatorArguments) -> str:
    try:
        value = evaluate(asked.expression)
        text = written(value)
        # Whoever listens wants the whole part and two digits more, not twelve.
        return text if not text.startswith("about") else written(value, max(6, len(str(int(abs(value.number)))) + 2))
    except NotASum as error:
        raise ToolFailed(str(error)) from error


CALCULATOR = BuiltIn("calculate", "Works out a sum exactly.", CalculatorArguments, _calculate)
