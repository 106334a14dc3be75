"""What fills the slots of patterns: numbers, places, things, names that nobody has heard before."""

from __future__ import annotations

import random
from zoneinfo import available_timezones

ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_words(number: int, rng: random.Random | None = None) -> str:
    """A whole number as it is said; with `rng` sometimes with "and", sometimes "a hundred"."""
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10 - 2] + (f" {ONES[number % 10]}" if number % 10 else "")
    for size, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            count, rest = divmod(number, size)
            head = "a" if rng and count == 1 and rng.random() < 0.4 else in_words(count, rng)
            joined = " and " if rng and 0 < rest < 100 and rng.random() < 0.4 else " "
            return f"{head} {name}" + (f"{joined}{in_words(rest, rng)}" if rest else "")
    raise ValueError(number)


def number(rng: random.Random, value: float, digits: bool) -> str:
    """A number said or typed; halves and tenths as "point"."""
    if digits:
        return f"{value:,}" if value >= 1000 and rng.random() < 0.3 else f"{value:g}" if value < 10**6 else str(value)
    whole = int(value)
    said = in_words(whole, rng)
    if value != whole:
        tenths = f"{value:.2f}".split(".")[1].rstrip("0")
        if tenths == "5" and rng.random() < 0.3:
            return f"{said} and a half"
        said += " point " + " ".join(ONES[int(d)] for d in tenths)
    return said


def any_number(rng: random.Random) -> float:
    """Small ones mostly."""
    kind = rng.random()
    if kind < 0.35:
        return rng.randint(1, 20)
    if kind < 0.7:
        return rng.randint(2, 100)
    if kind < 0.85:
        return rng.choice([rng.randint(100, 999), rng.randint(1, 20) * 100, rng.randint(1, 30) * 1000])
    if kind < 0.92:
        return rng.randint(1000, 99999)
    return round(rng.uniform(0.1, 50), rng.choice([1, 1, 2]))


def expression(rng: random.Random, digits: bool) -> str:  # noqa: PLR0911  (a table of forms)
    """A sum as it is said ("seventeen times twenty three") or typed ("17*23", "15% of 80")."""

    def n(low: int = 0, high: int = 0) -> str:
        return number(rng, rng.randint(low, high) if high else any_number(rng), digits)

    def sign(options: str) -> str:
        return rng.choice(options.split("|"))

    kind = rng.random()
    if digits and kind < 0.35:
        space = rng.choice(["", " "])
        return f"{n()}{space}{rng.choice('+-*/x')}{space}{n()}"
    if kind < 0.6:
        operator = sign("plus|plus|minus|minus|times|times|times|divided by|divided by|multiplied by|over")
        return f"{n()} {operator} {n()}"
    if kind < 0.72:
        percent = "%" if digits and rng.random() < 0.8 else " percent"
        return f"{n(1, 100)}{percent} of {n()}"
    if kind < 0.78:
        return f"{sign('|the ')}square root of {n()}".strip()
    if kind < 0.82:
        return f"{n(2, 30)} {sign('squared|squared|cubed|to the power of ' + n(2, 10))}"
    if kind < 0.87:
        return f"{sign('half of|a quarter of|a third of|two thirds of|three quarters of|twice|double')} {n()}"
    operators = [sign("plus|minus|times|divided by") for _ in range(2)]
    return f"{n()} {operators[0]} {n()} {operators[1]} {n()}"


TIME_UNITS = ("second", "minute", "hour")


def duration(rng: random.Random, digits: bool, *, attributive: bool = False) -> str:
    """How long: "five minutes", "an hour and a half"; attributive as in "a five minute timer"."""

    def n(value: int) -> str:
        return str(value) if digits else in_words(value)

    kind = rng.random()
    if attributive:
        unit = rng.choice(["minute", "minute", "minute", "second", "hour"])
        return f"{n(_length(rng, unit))} {unit}"
    if kind < 0.12 and not digits:
        return rng.choice(
            "half an hour|an hour|a minute|an hour and a half|one and a half hours|two and a half hours|a quarter of an hour|"
            "three quarters of an hour|a minute and a half|two and a half minutes|one and a half minutes".split("|")
        )
    if kind < 0.26:
        first, second = rng.choice([("hour", "minute"), ("hour", "minute"), ("minute", "second")])
        joined = rng.choice([" ", " and "])
        a, b = rng.randint(1, 5) if first == "hour" else rng.randint(1, 59), rng.randint(1, 59)
        return f"{n(a)} {_plural(first, a)}{joined}{n(b)} {_plural(second, b)}"
    unit = rng.choice(["minute", "minute", "minute", "second", "hour"])
    value = _length(rng, unit)
    short = {"minute": "min", "second": "sec", "hour": "h"}[unit]
    return f"{n(value)} {short if digits and rng.random() < 0.2 else _plural(unit, value)}"


def _length(rng: random.Random, unit: str) -> int:
    if unit == "hour":
        return rng.randint(1, 12)
    return rng.choice([rng.randint(1, 12) * 5, rng.randint(1, 20), rng.randint(1, 99)])


def _plural(unit: str, count: int) -> str:
    return unit if count == 1 else f"{unit}s"


def _list(text: str) -> list[str]:
    return [value.strip().replace("_", " ") for value in text.split()]


PLACES = _list(
    """London Paris Berlin Madrid Rome Vienna Dublin Boston Chicago Houston Dallas Denver Seattle Miami Atlanta Toronto
    Montreal Sydney Melbourne Tokyo Beijing Shanghai Delhi Mumbai Cairo Moscow Istanbul Athens Oslo Stockholm Copenhagen
    Amsterdam Brussels Zurich Geneva Munich Hamburg Cologne Prague Warsaw Budapest Lisbon Barcelona Milan Venice Naples
    Edinburgh Manchester Detroit Austin Phoenix Singapore Bangkok Seoul Jakarta Nairobi Lagos New_York Los_Angeles
    San_Francisco Las_Vegas San_Diego New_Orleans Washington Hong_Kong Mexico_City Sao_Paulo Rio_de_Janeiro Buenos_Aires
    Cape_Town Tel_Aviv Abu_Dhabi Dubai Tehran Baghdad Kabul Karachi Dhaka Kolkata Kathmandu Colombo Manila Taipei Osaka
    Kyoto Perth Brisbane Adelaide Darwin Hobart Auckland Honolulu Anchorage Vancouver Winnipeg Halifax Havana Lima Bogota
    Caracas Santiago Montevideo Casablanca Tunis Algiers Accra Dakar Kampala Johannesburg Reykjavik Helsinki Tallinn Riga
    Vilnius Minsk Kiev Bucharest Sofia Belgrade Zagreb Sarajevo Tirana Malta Luxembourg Monaco Riyadh Doha Kuwait Muscat
    Amman Damascus Beirut Jerusalem Tashkent Almaty Hanoi Saigon Yangon Guam Fiji Samoa France Germany Spain Italy Japan
    China India Brazil Egypt Kenya Nigeria Poland Sweden Norway Denmark Finland Ireland Scotland England Wales Greece
    Turkey Israel Argentina Peru Iceland Austria Switzerland Belgium Ukraine Hungary Romania Vietnam Thailand California
    Texas Pakistan Nepal Morocco Jamaica Cuba Panama Bahrain Qatar Lebanon Iraq Iran Bulgaria Serbia Croatia Estonia
    Latvia Lithuania Philippines Taiwan Colombia Venezuela Bolivia Uruguay Ghana Senegal Uganda Ethiopia Tunisia"""
)

ZONE_CITIES = sorted(
    {
        name.rpartition("/")[2].replace("_", " ")
        for name in available_timezones()
        if name.split("/")[0] in ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
        and name.rpartition("/")[2].replace("_", "").isalpha()
    }
    - set(PLACES)
)
"""Four hundred more, that time zones are named after."""

UNITS = {
    "length": "miles|kilometers|meters|centimeters|millimeters|inches|feet|yards",
    "mass": "kilograms|grams|pounds|ounces|tonnes|stone|kilos",
    "volume": "liters|milliliters|gallons|pints|cups|quarts|tablespoons|teaspoons|fluid ounces",
    "time": "seconds|minutes|hours|days|weeks",
    "speed": "miles per hour|kilometers per hour|meters per second|knots",
    "area": "square meters|acres|hectares|square feet|square miles",
    "data": "bytes|kilobytes|megabytes|gigabytes|terabytes",
    "energy": "joules|calories|kilojoules|kilowatt hours",
    "temperature": "celsius|fahrenheit|degrees celsius|degrees fahrenheit|kelvin",
}
UNITS_SHORT = {"length": "km|m|cm|mm|mi|ft", "mass": "kg|g|lbs|oz", "volume": "l|ml", "temperature": "°C|°F|C|F"}
SINGULAR = {"feet": "foot", "inches": "inch", "stone": "stone", "kelvin": "kelvin"}


def unit_pair(rng: random.Random, digits: bool) -> tuple[str, str]:
    """Two units of one quantity."""
    weights = {"length": 5, "mass": 4, "volume": 4, "temperature": 5, "time": 2}
    kinds = list(UNITS)
    kind = rng.choices(kinds, [weights.get(kind, 1) for kind in kinds])[0]
    if digits and kind in UNITS_SHORT and rng.random() < 0.4:
        a, b = rng.sample(UNITS_SHORT[kind].split("|"), 2)
    else:
        a, b = rng.sample(UNITS[kind].split("|"), 2)
    if (kind == "temperature" and a[-1].lower() == b[-1].lower()) or a.split()[-1] == b.split()[-1]:
        return unit_pair(rng, digits)
    return a, b


def singular(unit: str) -> str:
    """One of a unit."""
    head, _, tail = unit.partition(" ")
    if head in ("square", "fluid", "kilowatt"):
        return f"{head} {singular(tail)}"
    return SINGULAR.get(head, head.removesuffix("s")) + (f" {tail}" if tail else "")


_CONSONANTS = "b c d f g h j k l m n p r s t v w z br ch cl cr dr fl gr kr ph pl qu sh sl st th tr".split()
_VOWELS = "a e i o u a e i o ai ea ee ie oa oo ou".split()
_ENDINGS = "n r s l m t k d x y ck ll nd nt rd rt son ton man ley berg ski ra na lo ia us en er".split()


def made_up(rng: random.Random) -> str:
    """A name that nobody has heard before."""
    syllables = rng.choice([1, 1, 2, 2, 2, 3])
    name = "".join(rng.choice(_CONSONANTS) + rng.choice(_VOWELS) for _ in range(syllables))
    return name + rng.choice(_ENDINGS)


NAMES = _list(
    """Anna Ben Carla David Emma Frank Grace Henry Isabel Jack Karen Leo Maria Noah Olivia Peter Quinn Rachel Sam Tina
    Victor Wendy Alice Bob Charlie Diana Eric Fiona George Hannah Ian Julia Kevin Laura Mike Nina Oscar Paula Robert Sarah
    Tom Ursula Vincent Walter Zoe James John Mary Michael Linda William Susan Joseph Jessica Thomas Daniel Lisa Nancy
    Matthew Anthony Mark Betty Steven Ashley Paul Andrew Emily Joshua Brian Carol Amanda Edward Melissa Timothy Rebecca
    Jason Sharon Ryan Jacob Gary Amy Nicholas Angela Stephen Larry Justin Scott Brandon Mohammed Priya Raj Chen Yuki Ahmed
    Fatima Carlos Sofia Diego Lucia Ivan Olga Pierre Marie Hans Greta Rex Luna Milo Bella Felix Otto Ida Nora"""
)


def name(rng: random.Random) -> str:
    """A person's or an animal's."""
    return rng.choice(NAMES) if rng.random() < 0.5 else made_up(rng).capitalize()


def code(rng: random.Random, digits: bool) -> str:
    """Digits one by one, or a number."""
    numbers = [rng.randint(0, 9) for _ in range(rng.randint(2, 6))]
    return "".join(map(str, numbers)) if digits else " ".join(ONES[number] for number in numbers)


def any_word(rng: random.Random) -> str:
    """A common word or one that nobody knows."""
    return rng.choice(NOUNS) if rng.random() < 0.6 else made_up(rng)


NOUNS = _list(
    """house car book phone door window table chair street school movie game letter picture river mountain train plane ticket
    meeting dinner doctor friend family teacher student company project report password morning evening weekend birthday
    holiday garden kitchen camera battery charger laptop keyboard printer router ladder toolbox hammer wrench suitcase
    backpack umbrella wallet passport glasses keys jacket coat hat gloves boots bicycle helmet tent lantern blanket pillow
    mirror candle clock guitar piano violin drum trumpet recipe cake bread butter cheese coffee tea sugar flour rice pasta
    soup salad apple banana lemon tomato potato onion carrot garlic pepper salt chicken fish beef horse cow sheep goat bear
    wolf fox rabbit mouse eagle owl penguin snake frog spider bee butterfly turtle dolphin tulip rose oak maple cactus"""
)
COLOURS = _list("red green blue yellow orange purple white black pink brown gray silver golden")
WEEKDAYS = _list("Monday Tuesday Wednesday Thursday Friday Saturday Sunday")
MONTHS = _list("January February March April May June July August September October November December")
SPOTS = (
    "in the kitchen drawer|under the bed|in the garage|on the top shelf|behind the sofa|in the glove box|in the basement|"
    "next to the door|in my backpack|on the balcony|in the blue box|under the stairs|at the office|in the car|"
    "in the bathroom cabinet|at my parents house|with the neighbours|in the attic|on the desk|in the safe"
).split("|")
TASK_VERBS = (
    "call|feed|buy|clean|wash|water|check|send|book|pay|charge|fix|return|renew|order|paint|move|pick up|drop off|look for|"
    "turn off|lock|open|close|write to|text|email|visit|thank|bring|pack|print|sign|sell|find|repair|take out|finish"
).split("|")
TASK_ENDS = (
    "about the {noun}|for the {noun}|the {noun}|my {noun}|the {colour} {noun}|{name}|{name} about the {noun}|the {noun} and the {noun}|"
    "{name}'s {noun}|a new {noun}|the {noun} for {name}|some {noun}"
).split("|")
TASKS = (
    "take out the trash|take my medicine|stretch|drink some water|take out the bread|stand up|take a break|leave|go home|eat|"
    "turn the oven off|check the oven|check on the baby|walk the dog|feed the cat|do the laundry|get up|join the meeting|"
    "breathe|go to bed|flip the pancakes|stir the soup|take the pizza out|move the car|call mom|call mum|call dad|"
    "pick up the kids|pick the kids up from school|water the plants|charge my phone|feed the fish|get dressed|pay the rent"
).split("|")


def task(rng: random.Random) -> str:
    """What one may be reminded of."""
    if rng.random() < 0.35:
        return rng.choice(TASKS)
    ending = rng.choice(TASK_ENDS)
    while "{" in ending:
        ending = ending.replace("{noun}", any_word(rng), 1).replace("{name}", name(rng), 1)
        ending = ending.replace("{colour}", rng.choice(COLOURS))
    return f"{rng.choice(TASK_VERBS)} {ending}"


LABELS = (
    "pasta|eggs|pizza|tea|laundry|oven|rice|bread|cake|potatoes|nap|workout|parking|dishwasher|soup|chicken|noodles|muffins|"
    "cookies|roast|turkey|lasagna|steak|salmon|vegetables|beans|stew|dryer|dough|broth|lentils|quiche|pancakes|waffles|"
    "brownies|toast|chili|curry|sauce|homework|meditation|yoga|shower|meeting|break|bath|phone call|study|exam|game|plank|"
    "run|washing machine|casserole|meatballs|omelette|porridge|popcorn|barbecue|sprinkler|hair dye|face mask|charger|ice bath|"
    "presentation|speech|playtime|screen time|walk|marinade|jam|pudding|custard|dumplings|ham|bacon|corn|broccoli|espresso"
).split("|")


# -- what is remembered: what is said, and how it is asked for


def fact(rng: random.Random, digits: bool) -> tuple[str, str, list[str]]:
    """A fact as it is said, what to look for, and questions about it."""
    thing, who, word = rng.choice(OWNED), name(rng), any_word(rng)
    kind = rng.choice(list(_FACTS))
    maker = _FACTS[kind]
    return maker(rng, digits, thing, who, word)


OWNED = (
    "locker code|door code|bank card number|wifi password|license plate|seat number|room number|shoe size|shirt size|passport number|"
    "phone number|favorite color|favourite food|favorite band|favorite movie|favourite book|favourite drink|blood type|"
    "middle name|birthday|anniversary|boss|dentist|doctor|landlord|neighbor|neighbour|best friend|brother|sister|mother|father|"
    "wife|husband|son|daughter|cat|dog|bike|car|gym|hotel|flight number|gate|bus line|train|parking spot|hairdresser|teacher|team"
).split("|")


def _is(rng: random.Random, digits: bool, thing: str, who: str, word: str) -> tuple[str, str, list[str]]:
    if thing.endswith(("code", "number", "plate", "size", "gate", "line", "password", "spot")):
        value = rng.choice([code(rng, digits), code(rng, digits), f"{made_up(rng)} {code(rng, digits)}", word])
    elif thing.startswith("favo"):
        value = rng.choice([word, f"{rng.choice(COLOURS)}", who, f"{made_up(rng)} {word}"])
    elif thing in ("birthday", "anniversary"):
        value = f"the {_ordinal(rng, digits)} of {rng.choice(MONTHS)}"
    else:
        value = rng.choice([who, who, f"called {who}", f"{who} {made_up(rng).capitalize()}", made_up(rng)])
    return (
        f"my {thing} is {value}",
        f"my {thing}",
        [
            f"what is my {thing}",
            f"what's my {thing}",
            f"tell me my {thing}",
            f"do you know my {thing}",
            f"what was my {thing}",
        ]
        + ([f"who is my {thing}", f"what is my {thing} called"] if value.startswith(("called", who)) else []),
    )


def _where(rng: random.Random, digits: bool, thing: str, who: str, word: str) -> tuple[str, str, list[str]]:
    spot = rng.choice(SPOTS)
    owner = rng.choice(["the", "my", f"{who}'s"])
    verb = rng.choice(["is", "are" if word.endswith("s") else "is"])
    said = rng.choice(
        [f"{owner} {word} {verb} {spot}", f"i put {owner} {word} {spot}", f"i left {owner} {word} {spot}"]
    )
    asked = f"{owner} {word}"
    return said, asked, [
        f"where {verb} {asked}", f"where did i put {asked}", f"where did i leave {asked}", f"do you know where {asked} {verb}",
    ]  # fmt: skip


def _other(rng: random.Random, digits: bool, thing: str, who: str, word: str) -> tuple[str, str, list[str]]:
    options = [
        (f"{who}'s {thing} is {code(rng, digits) if 'number' in thing or 'code' in thing else made_up(rng)}",
         f"{who}'s {thing}", [f"what is {who}'s {thing}", f"what's {who}'s {thing}"]),
        (f"{who} likes {word}", f"what {who} likes", [f"what does {who} like"]),
        (f"{who} is allergic to {word}", f"what {who} is allergic to", [f"what is {who} allergic to"]),
        (f"i am allergic to {word}", "what i am allergic to", ["what am i allergic to"]),
        (f"i parked on level {code(rng, digits)[:5].strip()}", "where i parked", ["where did i park", "where did i park my car"]),
        (f"{who} lives in {rng.choice(PLACES)}", f"where {who} lives", [f"where does {who} live"]),
        (f"{who} works at {made_up(rng)}", f"where {who} works", [f"where does {who} work"]),
        (f"the {word} costs {number(rng, rng.randint(2, 900), digits)} euros", f"what the {word} costs",
         [f"what does the {word} cost", f"how much does the {word} cost"]),
        (f"i lent my {word} to {who}", f"my {word}", [f"who has my {word}", f"who did i lend my {word} to"]),
        (f"the {word} meeting is on {rng.choice(WEEKDAYS)}", f"the {word} meeting", [f"when is the {word} meeting"]),
        (f"i like {word} with {rng.choice(NOUNS)}", "what i like", ["what do i like"]),
        (f"{who} is {(kind := rng.choice(KINDS))}", f"what {who} is", [f"is {who} {kind}", f"what do you know about {who}"]),
        (f"my {thing} is coming on {rng.choice(WEEKDAYS)}", f"my {thing}", [f"when is my {thing} coming", f"when does my {thing} come"]),
        (f"{rng.choice(['the', 'my'])} {word}'s name is {who}", f"the {word}'s name", [f"what is the {word}'s name", f"what's the name of the {word}"]),
        (f"{who} was born {_when(rng, digits)}", f"when {who} was born", [f"when was {who} born", f"what is {who}'s birthday"]),
        (f"we are flying to {rng.choice(PLACES)} on {rng.choice(WEEKDAYS)}", "when we are flying", ["when are we flying", "where are we flying to"]),
        *[(f"my {(item := rng.choice([thing, word, rng.choice(NOUNS)]))} is {rng.choice(COLOURS)}", f"my {item}",
           [f"what color is my {item}", f"which color is my {item}", f"what color does my {item} have", f"what is the color of my {item}"])] * 3,
        (f"the {word} is for {who}", f"who the {word} is for", [f"who is the {word} for", f"who gets the {word}"]),
        (f"i have to bring the {word} to {who}", f"what i have to bring to {who}", [f"what do i have to bring to {who}"]),
        (f"the {word} opens at {number(rng, rng.randint(5, 12), digits)}", f"when the {word} opens", [f"when does the {word} open", f"what time does the {word} open"]),
        (f"the {word} needs {number(rng, rng.randint(2, 40), digits)} {rng.choice(['batteries', 'screws', 'eggs', 'minutes', 'stamps'])}", f"what the {word} needs", [f"what does the {word} need"]),
        (f"i owe {who} {number(rng, rng.randint(2, 90), digits)} euros", f"what i owe {who}", [f"what do i owe {who}", f"how much do i owe {who}"]),
        (f"{who}'s favorite {rng.choice(['color', 'food', 'band', 'book'])} is {word}", f"{who}'s favorite", [f"what is {who}'s favorite", f"what does {who} like best"]),
        (f"i take the {rng.choice(COLOURS)} pill {rng.choice(['in the morning', 'at noon', 'at night', 'after dinner'])}", "when i take the pill", ["when do i take the pill", "which pill do i take"]),
        (f"{who} is arriving on {rng.choice(WEEKDAYS)}", f"when {who} is arriving", [f"when is {who} arriving", f"when does {who} arrive"]),
    ]  # fmt: skip
    return rng.choice(options)


_FACTS = {"is": _is, "is2": _is, "where": _where, "other": _other}
KINDS = (
    "vegetarian|vegan|married|left handed|colour blind|afraid of dogs|a nurse|a teacher|my cousin|on holiday|away until monday|pregnant|"
    "retired|moving house|in hospital|my new neighbour|a good cook|ill|at school|not at home|the new boss|coming for dinner"
).split("|")
"""What a person may be, to be remembered."""


def _when(rng: random.Random, digits: bool) -> str:
    if rng.random() < 0.5:
        return f"in {rng.choice(MONTHS)}"
    return f"on the {_ordinal(rng, digits)} of {rng.choice(MONTHS)}"


def _ordinal(rng: random.Random, digits: bool) -> str:
    day = rng.randint(1, 28)
    if digits:
        return f"{day}{'st' if day % 10 == 1 and day != 11 else 'nd' if day % 10 == 2 and day != 12 else 'rd' if day % 10 == 3 and day != 13 else 'th'}"
    irregular = {
        1: "first",
        2: "second",
        3: "third",
        5: "fifth",
        8: "eighth",
        9: "ninth",
        12: "twelfth",
        20: "twentieth",
    }
    if day in irregular:
        return irregular[day]
    if day > 20:
        return f"twenty {irregular.get(day - 20, in_words(day - 20) + 'th')}"
    return in_words(day) + "th"


_FLIPS = {
    "my": "your", "i": "you", "i'm": "you're", "am": "are", "me": "you", "mine": "yours", "i've": "you've", "i'd": "you'd",
    "myself": "yourself", "our": "your", "we": "you", "i'll": "you'll",
}  # fmt: skip


def addressed(text: str) -> str:
    """What somebody said of himself, said to him: "my car" becomes "your car"."""
    return " ".join(_FLIPS.get(word.lower(), word) for word in text.split())


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
