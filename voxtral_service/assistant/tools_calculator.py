"""Sums, exactly."""

from __future__ import annotations

from pydantic import BaseModel, Field

from voxtral_service.assistant.arithmetic import MAX_LENGTH, NotASum, evaluate, written
from voxtral_service.assistant.tools import BuiltIn, ToolFailed


class CalculatorArguments(BaseModel):
    """What to work out."""

    expression: str = Field(max_length=MAX_LENGTH, description="For example 17*23, 15% of 80, sqrt(2), 2^10.")


async def _calculate(asked: CalculatorArguments) -> str:
    try:
        return written(evaluate(asked.expression))
    except NotASum as error:
        raise ToolFailed(str(error)) from error


CALCULATOR = BuiltIn("calculate", "Works out a sum exactly.", CalculatorArguments, _calculate)
