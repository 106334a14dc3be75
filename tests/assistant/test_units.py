from __future__ import annotations

import json

import pytest

from voxtral_service.assistant.tools import Toolbox
from voxtral_service.assistant.tools_units import UNITS
from voxtral_service.chat import ToolCall


@pytest.mark.parametrize(
    ("amount", "here", "there", "told"),
    [
        ("1", "mile", "kilometers", "about 1.60934 kilometers"),
        ("12", "inches", "ft", "1 ft"),
        ("26.2", "miles", "meters", "about 42164.8 meters"),
        ("100", "°C", "fahrenheit", "212 fahrenheit"),
        ("-40", "degrees Fahrenheit", "Celsius", "-40 Celsius"),
        ("0", "kelvin", "c", "-273.15 c"),
        ("1/2", "pounds", "grams", "about 226.796 grams"),
        ("90", "km/h", "m/s", "25 m/s"),
        ("60", "miles per hour", "kilometers per hour", "about 96.5606 kilometers per hour"),
        ("2", "weeks", "hours", "336 hours"),
        ("1", "m²", "cm", "m² measures area, cm length"),
        ("two and a half", "killometers", "meters", "2500 meters"),
        ("1", "parsec", "m", "cannot convert 'parsec'"),
        ("x", "m", "cm", "error"),
    ],
)
async def test_units(amount: str, here: str, there: str, told: str) -> None:
    arguments = json.dumps({"amount": amount, "from_unit": here, "to_unit": there})
    outcome = await Toolbox([UNITS]).run(ToolCall("1", "convert_units", arguments))
    assert (told in outcome.output) if outcome.failed else (told == outcome.output)
