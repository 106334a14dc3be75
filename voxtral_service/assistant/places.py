"""Time zones by the names of places, from the IANA names and Unicode's list of territories (both in Babel)."""

from __future__ import annotations

import re
import unicodedata
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale
from babel.core import get_global

ALIKE, ALIKE_SHORT = 0.86, 0.8
"""How much of a name must be right (`difflib`'s ratio): recognisers misspell names, and a short one by one letter."""
_NO_CITIES = ("Canada/", "US/", "Etc/", "SystemV/", "Mexico/", "Chile/", "Brazil/")
"""Old names of whole regions."""

# Capitals and large cities that no zone is named after, and countries of several zones by that of their capital.
_OTHERS = {
    "America/New_York": "washington, washington dc, boston, miami, atlanta, nyc, united states, usa, america",
    "America/Los_Angeles": "san francisco, seattle, las vegas, san diego, california, silicon valley",
    "America/Chicago": "dallas, houston, austin, new orleans, texas",
    "America/Toronto": "ottawa, montreal, quebec, canada",
    "America/Sao_Paulo": "rio de janeiro, rio, brasilia, brazil",
    "America/Mexico_City": "mexico",
    "America/Argentina/Buenos_Aires": "argentina",
    "America/Santiago": "chile",
    "America/Guayaquil": "quito, ecuador",
    "Asia/Kolkata": "delhi, new delhi, mumbai, bangalore, calcutta, chennai, hyderabad, india",
    "Asia/Shanghai": "beijing, peking, shenzhen, guangzhou, china",
    "Asia/Tokyo": "osaka, kyoto",
    "Asia/Ho_Chi_Minh": "hanoi, saigon, vietnam",
    "Asia/Karachi": "islamabad, lahore",
    "Asia/Jakarta": "indonesia",
    "Asia/Dubai": "abu dhabi",
    "Asia/Jerusalem": "tel aviv",
    "Asia/Almaty": "astana, kazakhstan",
    "Australia/Sydney": "canberra, australia",
    "Europe/Berlin": "munich, hamburg, frankfurt, cologne, germany",
    "Europe/London": "edinburgh, manchester, england, scotland, wales, uk, great britain",
    "Europe/Paris": "lyon, marseille, toulouse",
    "Europe/Madrid": "barcelona, spain",
    "Europe/Rome": "milan, naples, venice",
    "Europe/Zurich": "geneva, bern, basel",
    "Europe/Lisbon": "porto, portugal",
    "Europe/Moscow": "saint petersburg, russia",
    "Europe/Kyiv": "kiev, ukraine",
    "Africa/Johannesburg": "cape town, pretoria",
    "Africa/Lagos": "abuja",
    "Africa/Casablanca": "rabat, marrakesh",
    "Europe/Istanbul": "turkey, ankara",
    "Pacific/Auckland": "wellington, new zealand",
    "UTC": "utc, gmt, zulu",
}


def find_place(place: str) -> tuple[str, ZoneInfo] | None:
    """A city, a country or an IANA name, whatever its case and accents or a wrong letter, and its zone.

    What is near none of them by its letters may be by its sound: "tocco" is Tokyo to a recogniser that spells by ear.
    The name comes back as it should be written; None for what is not known.
    """
    names = _names()
    for candidate in (place, place.partition(",")[0]):
        if name := names.get(_key(candidate)):
            return candidate if "/" in candidate else _key(candidate).title(), ZoneInfo(name)
    said = _key(place)
    known = [name for name, zone in names.items() if not zone.startswith(_NO_CITIES)]
    enough = ALIKE_SHORT if len(said) <= 6 else ALIKE
    meant = get_close_matches(said, known, 1, enough)
    if not meant:
        sounds = {_by_ear(name): name for name in reversed(known)}  # of names that sound alike, the first counts
        meant = [sounds[sound] for sound in get_close_matches(_by_ear(said), sounds, 1, enough)]
    return (meant[0].title(), ZoneInfo(names[meant[0]])) if meant else None


def zone_of(place: str) -> ZoneInfo | None:
    """The zone of `find_place`."""
    found = find_place(place)
    return found[1] if found else None


@cache
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for name in sorted(available_timezones()):
        if "/" in name:  # the others are old names, such as Japan
            names.setdefault(_key(name.rsplit("/", 1)[1]), name)
            names[_key(name)] = name
    territories = Locale("en").territories
    for code, zones in get_global("territory_zones").items():
        if len(zones) == 1 and code in territories:
            names.setdefault(_key(territories[code]), zones[0])
    for name, others in _OTHERS.items():
        names |= {_key(other): name for other in others.split(", ")}
    return names


_SAME_SOUNDS = (("ph", "f"), ("ck", "k"), ("qu", "k"), ("ch", "k"), ("c", "k"), ("y", "i"), ("z", "s"))


def _by_ear(key: str) -> str:
    """One spelling for letters that sound alike in English, and no letter twice in a row."""
    for written, heard in _SAME_SOUNDS:
        key = key.replace(written, heard)
    return re.sub(r"(.)\1", r"\1", key)


def _key(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    words = re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c)))
    return " ".join(word for word in words if word != "the")
