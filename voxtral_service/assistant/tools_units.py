"""Units, converted exactly where their definitions are exact (NIST SP 811, appendix B)."""

from __future__ import annotations

from difflib import get_close_matches
from fractions import Fraction

from pydantic import BaseModel, Field

from voxtral_service.assistant.arithmetic import NotASum, Value, evaluate, written
from voxtral_service.assistant.tools import BuiltIn, ToolFailed

# Per quantity: a unit's size in the first one of its line, then its names.
_TABLE = {
    "length": """
1 metre meter m|1000 kilometre kilometer km|0.01 centimetre centimeter cm|0.001 millimetre millimeter mm
0.0254 inch in inches|0.3048 foot ft feet|0.9144 yard yd|1609.344 mile mi|1852 nauticalmile nmi""",
    "mass": """
1 kilogram kg kilo|0.001 gram g gramme|0.000001 milligram mg|1000 tonne t
0.45359237 pound lb lbs|0.028349523125 ounce oz|6.35029318 stone st""",
    "volume": """
1 litre liter l|0.001 millilitre milliliter ml|0.01 centilitre centiliter cl|1000 cubicmetre cubicmeter m3
3.785411784 gallon gal|0.946352946 quart qt|0.473176473 pint pt|0.2365882365 cup|0.0295735295625 fluidounce floz
0.01478676478125 tablespoon tbsp|0.00492892159375 teaspoon tsp|4.54609 imperialgallon|0.56826125 imperialpint""",
    "time": "1 second s sec|60 minute min|3600 hour h|86400 day d|604800 week|0.001 millisecond ms",
    "speed": """
1 m/s mps meterpersecond metrepersecond|5/18 km/h kmh kph kilometerperhour kilometreperhour
0.44704 mph mileperhour|463/900 knot kn""",
    "area": """
1 squaremetre squaremeter m2 sqm|10000 hectare ha|1000000 squarekilometre squarekilometer km2
4046.8564224 acre|0.09290304 squarefoot squarefeet sqft|2589988.110336 squaremile""",
    "data": "1 byte b|1000 kilobyte kb|1000000 megabyte mb|1000000000 gigabyte gb|1000000000000 terabyte tb",
    "energy": "1 joule j|1000 kilojoule kj|4184 kilocalorie kcal|4.184 calorie cal|3600000 kilowatthour kwh",
    "pressure": "1 pascal pa|100000 bar|100 hectopascal hpa|101325 atmosphere atm",
}
_SIZES: dict[str, tuple[str, Fraction]] = {
    name: (quantity, Fraction(size))
    for quantity, lines in _TABLE.items()
    for size, *names in (unit.split() for unit in lines.strip().replace("\n", "|").split("|"))
    for name in names
}
# Kelvin = factor * (degrees + offset)
_DEGREES = {
    "celsius": (Fraction(1), Fraction("273.15")),
    "c": (Fraction(1), Fraction("273.15")),
    "fahrenheit": (Fraction(5, 9), Fraction("459.67")),
    "f": (Fraction(5, 9), Fraction("459.67")),
    "kelvin": (Fraction(1), Fraction(0)),
    "k": (Fraction(1), Fraction(0)),
}


class UnitArguments(BaseModel):
    """What to convert."""

    amount: str = Field(max_length=100, description="A number or a sum, such as 2.5.")
    from_unit: str = Field(max_length=40, description="Such as miles, kg, fahrenheit.")
    to_unit: str = Field(max_length=40, description="Such as kilometers, pounds, celsius.")


def convert(amount: Fraction, from_unit: str, to_unit: str) -> Fraction:
    """The amount in the other unit. Raises ToolFailed for units that are not known or of different quantities."""
    here, there = _name(from_unit), _name(to_unit)
    if here in _DEGREES and there in _DEGREES:
        factor, offset = _DEGREES[here]
        other, shift = _DEGREES[there]
        return factor * (amount + offset) / other - shift
    for name, told in ((here, from_unit), (there, to_unit)):
        if name not in _SIZES:
            raise ToolFailed(f"I cannot convert {told!r} here")
    if _SIZES[here][0] != _SIZES[there][0]:
        raise ToolFailed(f"{from_unit} measures {_SIZES[here][0]}, {to_unit} {_SIZES[there][0]}")
    return amount * _SIZES[here][1] / _SIZES[there][1]


def _name(unit: str) -> str:
    """As in the tables: lower case, singular, no spaces."""
    name = unit.lower().replace("degrees", "").replace("°", "").replace("²", "2").replace("³", "3")
    name = "".join(name.split()).rstrip(".")
    known = _SIZES.keys() | _DEGREES.keys()
    candidates = (name, name.removesuffix("s"), name.removesuffix("es"), name.replace("sper", "per"))
    if found := next((candidate for candidate in candidates if candidate in known), None):
        return found
    return next(iter(get_close_matches(name, (other for other in known if len(other) > 3), 1, 0.8)), name)


async def _convert(asked: UnitArguments) -> str:
    try:
        amount = evaluate(asked.amount)
    except NotASum as error:
        raise ToolFailed(str(error)) from error
    result = Value(convert(amount.number, asked.from_unit, asked.to_unit), amount.exact)
    return f"{written(result, 6)} {asked.to_unit}"


UNITS = BuiltIn("convert_units", "Converts between units of measurement.", UnitArguments, _convert)
