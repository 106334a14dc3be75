"""Where the words come from: folders of plain text, and a grammar of what people say to an assistant.

A sentence has two forms. The *spoken* form keeps capitals and commas, because synthesizers take their prosody from
them. The *transcript* is what the network learns to write: lower case, letters and the apostrophe, numbers as words.
Every whitespace-separated token of the spoken form is exactly one word of the transcript, so word times need no
guessing. Text in any language with spaces between its words will do; English has a few rules of its own.
"""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

ONES = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen
""".split()  # noqa: SIM905  (a list of literals reads worse)
TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SPOKEN_ABBREVIATIONS = {
    "mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint", "messrs": "messers", "etc": "etcetera",
}  # fmt: skip
_ENGLISH_TOKEN = re.compile(r"^'?[A-Za-z]+(?:'[A-Za-z]+)*'?[,.;:?!]*$")
_TOKEN = re.compile(r"^'?[^\W\d_]+(?:'[^\W\d_]+)*'?[,.;:?!]*$")
_SENTENCE_END = re.compile(r"(?<=[.?!])\s+")
_CLAUSE_END = re.compile(r"(?<=[,;:])\s+")


def transcript(spoken: str, language: str = "en") -> str:
    """Return what the network should write for `spoken`: lower-case words, one for each whitespace token."""
    strange = r"[^a-z']" if language == "en" else r"[^\w']|[\d_]"
    words = (re.sub(strange, "", token.lower()).strip("'") for token in unicodedata.normalize("NFC", spoken).split())
    spelt_out = SPOKEN_ABBREVIATIONS if language == "en" else {}
    return " ".join(spelt_out.get(word, word) for word in words if word)


def is_held_out(spoken: str, language: str = "en", one_in: int = 50) -> bool:
    """Tell whether a sentence belongs to the evaluation sets; depends on its words only, so copies stay together."""
    digest = hashlib.sha256(transcript(spoken, language).encode()).digest()
    return int.from_bytes(digest[:4], "big") % one_in == 0


def number(n: int) -> str:
    """Spell an integer from 0 to 999,999 the American way, without hyphens."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + (f" {ONES[n % 10]}" if n % 10 else "")
    if n < 1000:
        return f"{ONES[n // 100]} hundred" + (f" {number(n % 100)}" if n % 100 else "")
    return f"{number(n // 1000)} thousand" + (f" {number(n % 1000)}" if n % 1000 else "")


def ordinal(n: int) -> str:
    """Spell an ordinal from 1 to 99."""
    irregular = {1: "first", 2: "second", 3: "third", 5: "fifth", 8: "eighth", 9: "ninth", 12: "twelfth"}
    if n in irregular:
        return irregular[n]
    if n < 20:
        return number(n) + "th"
    return TENS[n // 10][:-1] + "ieth" if n % 10 == 0 else f"{TENS[n // 10]} {ordinal(n % 10)}"


# ---------------------------------------------------------------------------------------------- plain text


def sentences(folder: Path, language: str = "en", longest: int = 24, shortest: int = 1) -> Iterator[str]:
    """Yield the speakable sentences of every `*.txt` in `folder`, long ones cut at commas, in file order."""
    for path in sorted(folder.glob("*.txt")):
        for paragraph in re.split(r"\n\s*\n", path.read_text(encoding="utf-8", errors="replace")):
            for sentence in _SENTENCE_END.split(_plain(paragraph, language)):
                yield from _speakable(sentence, language, shortest, longest)


def _plain(paragraph: str, language: str) -> str:
    """Join lines and replace typography by what a synthesizer reads the same way everywhere."""
    text = " ".join(unicodedata.normalize("NFC", paragraph).split())
    text = text.replace("’", "'").replace("‘", "'")
    text = re.sub(r"[“”„«»\"_*()\[\]]", " ", text)
    text = re.sub(r"\s*(?:--+|—|–)\s*", ", ", text).replace("-", " ")
    text = re.sub(r"(?<!\w)'|'(?!\w)", " ", text)
    if language == "en":
        text = re.sub(r"\b(Mr|Mrs|Dr|St)\.", lambda m: SPOKEN_ABBREVIATIONS[m[1].lower()].title(), text)
    return re.sub(r"\s+([,.;:?!])", r"\1", re.sub(r"\s+", " ", text)).strip()


def _speakable(sentence: str, language: str, shortest: int, longest: int) -> Iterator[str]:
    """Yield the sentence, in pieces of at most `longest` words, unless some token is not a plain word."""
    tokens = sentence.split()
    plain = _ENGLISH_TOKEN if language == "en" else _TOKEN
    if not tokens or not all(map(plain.match, tokens)):
        return
    if any(len(t.strip(",.;:?!")) > 1 and t.isupper() for t in tokens):  # headings
        return
    piece: list[str] = []
    for clause in _CLAUSE_END.split(sentence):
        if piece and len(piece) + len(clause.split()) > longest:
            yield " ".join(piece)
            piece = []
        piece += clause.split()
    if shortest <= len(piece) <= longest:
        yield " ".join(piece)


# ------------------------------------------------------------------------------------- assistant requests

_WORDS = {
    "name": "Anna Ben Carla David Emma Frank Grace Henry Isabel Jack Karen Leo Maria Noah Olivia Peter Quinn "
    "Rachel Sam Tina Victor Wendy Alice Bob Charlie Diana Eric Fiona George Hannah Ian Julia Kevin Laura "
    "Mike Nina Oscar Paula Robert Sarah Tom Ursula Vincent Walter Zoe James John Mary Michael Linda "
    "William Elizabeth Susan Joseph Jessica Thomas Daniel Lisa Nancy Matthew Anthony Mark Betty Sandra "
    "Steven Ashley Paul Kimberly Andrew Emily Joshua Donna Kenneth Michelle Brian Carol Amanda Edward "
    "Melissa Deborah Ronald Stephanie Timothy Rebecca Jason Sharon Jeffrey Ryan Cynthia Jacob Kathleen "
    "Gary Amy Nicholas Angela Jonathan Shirley Stephen Larry Justin Scott Brandon Mohammed Priya Raj Chen "
    "Yuki Ahmed Fatima Carlos Sofia Diego Lucia Ivan Olga Pierre Marie Hans Greta",
    "surname": "Smith Johnson Brown Jones Miller Davis Wilson Anderson Taylor Moore Jackson Martin Lee Thompson "
    "White Harris Clark Lewis Robinson Walker Young Allen King Wright Scott Hill Green Adams Baker Nelson "
    "Carter Mitchell Roberts Turner Phillips Campbell Parker Evans Edwards Collins Stewart Morris Murphy "
    "Cook Rogers Morgan Cooper Peterson Reed Bailey Bell Kelly Howard Ward Watson Brooks Bennett Gray "
    "Hughes Price Myers Long Foster Garcia Martinez Rodriguez Lopez Gonzalez Patel Kim Nguyen Singh Khan "
    "Fischer Schmidt",
    "city": "London Paris Berlin Madrid Rome Vienna Dublin Boston Chicago Houston Dallas Denver Seattle Portland "
    "Miami Atlanta Toronto Montreal Sydney Melbourne Tokyo Beijing Shanghai Delhi Mumbai Cairo Moscow "
    "Istanbul Athens Oslo Stockholm Copenhagen Amsterdam Brussels Zurich Geneva Munich Hamburg Cologne "
    "Prague Warsaw Budapest Lisbon Barcelona Milan Venice Naples Edinburgh Glasgow Manchester Liverpool "
    "Oxford Cambridge Philadelphia Phoenix Detroit Austin Nashville Baltimore Cleveland Pittsburgh "
    "Singapore Bangkok Seoul Jakarta Nairobi Lagos",
    "country": "France Germany Spain Italy Japan China India Brazil Canada Mexico Egypt Kenya Nigeria Russia Poland "
    "Sweden Norway Denmark Finland Ireland Scotland England Wales Portugal Greece Turkey Israel Australia "
    "Argentina Chile Peru Cuba Iceland Austria Switzerland Belgium Holland Ukraine Hungary Romania "
    "Vietnam Thailand Korea America",
    "month": "January February March April May June July August September October November December",
    "weekday": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "room": "kitchen bedroom bathroom hallway office garage garden basement attic nursery",
    "device": "light lights lamp fan heater television radio speaker thermostat camera oven kettle dishwasher "
    "vacuum printer computer",
    "colour": "red green blue yellow orange purple white black pink brown gray",
    "food": "milk bread butter cheese eggs apples bananas oranges potatoes tomatoes onions carrots rice pasta "
    "chicken beef fish salt pepper sugar flour coffee tea water juice wine beer chocolate cereal yogurt "
    "soup lettuce garlic lemons strawberries cookies",
    "dish": "pancakes pizza lasagna spaghetti omelette salad stew curry tacos sushi sandwich brownies pie risotto",
    "animal": "cat dog horse cow pig sheep goat lion tiger bear wolf fox rabbit mouse elephant giraffe monkey whale "
    "shark eagle owl penguin snake frog spider bee butterfly turtle dolphin kangaroo",
    "unit": "miles kilometers meters feet inches yards pounds kilograms ounces grams liters gallons cups "
    "teaspoons tablespoons degrees acres",
    "adjective": "big small long short old new good bad happy sad hot cold fast slow early late easy hard quiet loud "
    "bright dark clean dirty cheap expensive heavy light strong weak",
    "noun": "house car book phone door window table chair street school music movie game letter picture river "
    "mountain train plane ticket meeting dinner doctor friend family teacher student company project "
    "report email password weather morning evening weekend birthday holiday garden kitchen",
    "genre": "jazz rock classical country folk blues pop piano opera dance reggae metal",
    "language": "French German Spanish Italian Japanese Chinese Russian Arabic Portuguese Dutch Greek Hindi Korean "
    "Polish",
    "task": "call_mom feed_the_cat buy_groceries take_out_the_trash pay_the_rent water_the_plants walk_the_dog "
    "pick_up_the_kids send_the_report book_a_flight clean_the_house charge_the_phone take_my_medicine "
    "check_the_oven call_the_dentist renew_my_passport lock_the_door return_the_library_books",
    "subject": "the_moon the_sun gravity photosynthesis dinosaurs the_ocean black_holes electricity the_internet "
    "volcanoes the_stock_market evolution ancient_Rome the_human_heart climate_change the_speed_of_light",
}
WORD_LISTS = {key: [w.replace("_", " ") for w in value.split()] for key, value in _WORDS.items()}

TEMPLATES = """
What time is it?|What time is it in {city}?|What's the time?|What day is it today?|What's the date today?
It is {clock}.|It's {clock} now.|Set an alarm for {clock}.|Wake me up at {clock}.
Set the alarm for {clock} on {weekday}.|Set a timer for {n} minutes.|Set a {n} minute timer.
Set a timer for {n} hours and {n} minutes.|Timer for {n} seconds.|How much time is left on the timer?
Cancel the timer.|Stop the timer.|Stop.|Cancel.|Pause.|Continue.|Yes.|No.|Okay.|Remind me to {task}.
Remind me to {task} at {clock}.|Remind me to {task} tomorrow.|Remind me on {weekday} to {task}.
Remind me in {n} minutes to {task}.|Don't forget to {task}.|I have to {task} today.|Did you {task}?
What's the weather like today?|What's the weather in {city}?|Will it rain tomorrow?
Will it snow in {city} on {weekday}?|Is it going to rain on {weekday}?|How cold is it outside?
It is {n} degrees in {city}.|Do I need an umbrella today?|The temperature will be {n} degrees.
The high today is {n} and the low is {n}.|How hot will it be on {date}?|Turn on the {device}.|Turn off the {device}.
Turn on the {room} {device}.|Turn off the {device} in the {room}.|Switch on the {device}, please.
Turn up the volume.|Turn down the volume.|Set the volume to {n}.|Louder, please.|Set the thermostat to {n} degrees.
Make the {room} lights {colour}.|Dim the lights to {n} percent.|Open the {room} door.|Lock the front door.
Is the {room} {device} on?|Close the window.|Turn everything off.|Good night.|Good morning.|Call {name}.
Call {name} {surname}.|Call mom.|Call {name} at work.|Send a message to {name}.|Text {name} that I will be late.
Tell {name} I'll be there in {n} minutes.|Read my messages.|Do I have any new mail?
Send an email to {name} {surname}.|My name is {name} {surname}.|My name is {name}.|I'm {name}.
This is {name} {surname} from {city}.|Who is {name} {surname}?|My phone number is {digits}.|The number is {digits}.
My code is {digits}.|The password is {digits}.|Dial {digits}.|{digits}.|{digit} {digit}.|{digit}.
{digit} {digit} {digit}.|{digit} {digit} {digit} {digit}.|{n}.|{big}.|What is {n} plus {n}?|What's {n} minus {n}?
What is {n} times {n}?|What is {big} divided by {n}?|{n} plus {n} is {n}.|What is the square root of {n}?
How much is {n} percent of {big}?|What is {n} point {digit} times {n}?|Add {n} and {n}.
How many {unit} are in {n} {unit}?|Convert {n} {unit} to {unit}.|How far is {city} from {city}?|{n} {unit}.
It is {big} {unit} away.|That costs {n} dollars and {n} cents.|It costs {big} dollars.|{n} euros, please.
How tall is {name}?|She is {n} years old.|He was born on {date}.|My birthday is {date}.|The meeting is on {date}.
What's on my calendar for {weekday}?|Schedule a meeting with {name} on {weekday} at {clock}.
When is my next meeting?|Move my meeting with {name} to {clock}.|Cancel my appointment on {date}.
What happened on {date}?|It was {year}.|Add {food} to my shopping list.|Add {food} and {food} to the list.
Buy {n} {food}.|We need {food}, {food}, and {food}.|What's on my shopping list?|Remove {food} from the list.
How do I make {dish}?|Find a recipe for {dish}.|I'd like {dish}.|How long do I cook {food}?|I don't like {food}.
Order a {dish} for {name}.|I am hungry.|Let's have {dish} for dinner.|Play some {genre}.|Play {genre} music.
Play music by {name} {surname}.|Play the next song.|Skip this song.|Stop the music.|Play the news.
What song is this?|Pause the music.|Play it again.|Put on something {adjective}.|Shuffle my playlist.
Take me to {city}.|How do I get to {city}?|Directions to {city}.|How long does it take to drive to {city}?
Take me home.|Where is {country}?|What is the capital of {country}?|How many people live in {city}?
Is {city} in {country}?|Find a hotel in {city}.|Book a flight from {city} to {city}.
When does the train to {city} leave?|Where am I?|I live in {city}.|I come from {country}.
We are going to {country} in {month}.|Have you been to {city}?|Tell me about {subject}.|What is {subject}?
How does {subject} work?|Explain {subject} to a child.|Who discovered {subject}?|What does a {animal} eat?
How fast is a {animal}?|What sound does a {animal} make?|I saw a {colour} {animal}.|Tell me a joke.
Tell me a story about a {animal}.|Sing a song.|How are you?|How are you today?|Thank you.|Thanks a lot.
Thank you very much.|You're welcome.|Hello.|Hello there.|Hi, {name}.|Goodbye.|See you tomorrow.
See you on {weekday}.|What's your name?|Who are you?|What can you do?|Can you help me?|I need help.
Please repeat that.|Say that again.|I don't understand.|Speak more slowly, please.|That's right.|That's wrong.
I think so.|Maybe later.|Never mind.|How do you spell {noun}?|Spell {name}.|How do you say {noun} in {language}?
Translate {noun} to {language}.|What does {adjective} mean?|What is the opposite of {adjective}?|Define {noun}.
{letters}.|It is spelled {letters}.|The {noun} is {adjective}.|Where is my {noun}?|I lost my {noun}.
Do you like the {noun}?|The {colour} {noun} is {adjective}.|My {noun} is very {adjective}.
I want a {adjective} {noun}.|Is the {noun} {adjective}?|This {noun} is too {adjective}.|Read me the news.
Who won the game?|What's the score?|Turn to page {n}.|Open the {noun}.|Show me a picture of a {animal}.|Take a note.
Write this down.|Note to self, {task}.|Search for {subject}.|Search for {adjective} {noun}.|Look up {noun}.
Roll a dice.|Flip a coin.|Pick a number between {n} and {n}.|The answer is {n}.|I have {n} {animal}s.|Count to {n}.
Hey computer.|Computer.|Listen.|Wait.|Go on.|Faster.|Slower.|Next.|Back.|Home.|Start.|Help.|Volume up.|Volume down.
Left.|Right.|Up.|Down.|On.|Off.|Go.|Good.|Great.|Sorry.|Excuse me.|Of course.|No, thank you.|Yes, please.
I don't know.
"""
_TEMPLATES = [t for line in TEMPLATES.strip().splitlines() for t in line.split("|") if t]


def _clock(rng: random.Random) -> str:
    hour, minute = (
        number(rng.randint(1, 12)),
        rng.choice([0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, rng.randint(1, 59)]),
    )
    half = rng.choice(["", "", " in the morning", " in the afternoon", " at night", " A.M.", " P.M."]).replace(".", "")
    half = half.replace(" AM", " A M").replace(" PM", " P M")
    past = {
        0: [f"{hour} o'clock", hour], 15: [f"quarter past {hour}", f"{hour} fifteen"],
        30: [f"half past {hour}", f"{hour} thirty"], 45: [f"quarter to {hour}", f"{hour} forty five"],
    }  # fmt: skip
    spoken = f"{hour} oh {number(minute)}" if 0 < minute < 10 else f"{hour} {number(minute)}"
    return rng.choice(past.get(minute, [spoken])) + half


def _date(rng: random.Random) -> str:
    month, day = rng.choice(WORD_LISTS["month"]), ordinal(rng.randint(1, 31))
    return rng.choice([f"{month} {day}", f"the {day} of {month}", f"{month} {day}, {_year(rng)}"])


def _year(rng: random.Random) -> str:
    year = rng.randint(1800, 2030)
    if 2000 <= year < 2010:
        return "two thousand" + (f" {number(year - 2000)}" if year > 2000 else "")
    tail = year % 100
    return f"{number(year // 100)} " + ("hundred" if not tail else f"oh {number(tail)}" if tail < 10 else number(tail))


def _small(rng: random.Random) -> str:
    return number(rng.choice([rng.randint(0, 12), rng.randint(2, 30), rng.randint(1, 100)]))


def _big(rng: random.Random) -> str:
    return number(rng.choice([rng.randint(100, 999), rng.randint(1, 90) * 100, rng.randint(1000, 99999)]))


def _digits(rng: random.Random) -> str:
    zero = rng.choice(["zero", "zero", "oh"])
    digits = [zero if d == 0 else ONES[d] for d in (rng.randint(0, 9) for _ in range(rng.randint(3, 10)))]
    cut = rng.randint(2, len(digits))
    return " ".join(digits[:cut]) + ("," if cut < len(digits) else "") + " " + " ".join(digits[cut:])


def _letters(rng: random.Random) -> str:
    word = rng.choice(WORD_LISTS["noun"] + WORD_LISTS["name"] + WORD_LISTS["animal"])
    letters = word if rng.random() < 0.7 else "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 5)))
    return ", ".join(letters.upper())


MAKERS = {
    "clock": _clock, "date": _date, "year": _year, "n": _small, "big": _big, "digits": _digits, "letters": _letters,
    "digit": lambda rng: rng.choice(ONES[:10]),
}  # fmt: skip


def assistant_request(rng: random.Random) -> str:
    """Return one request, answer or remark of the kind heard by a voice assistant, in its spoken form."""

    def fill(match: re.Match[str]) -> str:
        slot = match[1]
        return MAKERS[slot](rng) if slot in MAKERS else rng.choice(WORD_LISTS[slot])

    sentence = re.sub(r"\{(\w+)\}", fill, rng.choice(_TEMPLATES)).strip()
    sentence = re.sub(r"\s+([,.?!])", r"\1", sentence)
    if rng.random() < 0.12:
        sentence = rng.choice(["Please", "Hey computer,", "Okay,", "Could you", "Well,"]) + " " + _lower_first(sentence)
    return sentence[0].upper() + sentence[1:]


def _lower_first(sentence: str) -> str:
    first = sentence.split(maxsplit=1)[0]
    return sentence if first.startswith("I") or first.isupper() else sentence[0].lower() + sentence[1:]


# -------------------------------------------------------------------------------------------------- WordNet


def wordnet_examples(folder: Path) -> Iterator[str]:
    """Yield the example sentences of a WordNet database: short, modern, and every common word in use."""
    for path in sorted(folder.glob("data.*")):
        for line in path.read_text(encoding="latin-1").splitlines():
            for example in re.findall(r'"([^"]+)"', line.partition(" | ")[2]):
                yield example[0].upper() + example[1:].rstrip(" .;,") + "."


if __name__ == "__main__":
    import sys

    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(
            "usage: python text.py WORDNET_FOLDER > TEXT_FOLDER/wordnet.txt   (prints WordNet's example sentences)"
        )
    print("\n\n".join(wordnet_examples(Path(sys.argv[1]))))
