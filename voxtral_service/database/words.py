"""Texts as the terms that full-text search compares: the same on every database, in every language.

Words in lower case, without accents, English ones by their stem (Snowball's English stemmer). Chinese, Japanese and
Korean, which do not part words as others do, become pairs of neighbouring characters, as Lucene's CJKAnalyzer has it.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

import snowballstemmer

MAX_TERM = 64
MAX_ASKED = 32
"""Terms of one question."""
_ACCENTS = re.compile("[\u0300-\u036f\u064b-\u0652]")
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0002fa1f"
# Python counts the vowel signs of Indian scripts as no part of a word.
_WORD = re.compile(rf"[{_CJK}]+|(?:(?![{_CJK}])[^\W_]|[\u0900-\u0963\u0966-\u0dff])+")
_IS_CJK = re.compile(f"[{_CJK}]")
_CONTROL = re.compile("[\0-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_STEMMED = re.compile("[a-z]{3,}")
_local = threading.local()

# Words that say how something is asked, not what for. Those that are a thing in another of these languages (French
# "car", Spanish "sin", German "hat") are left out.
STOP_WORDS = frozenset(
    """
a about after again all also am an and any are as at be been before being but by can could d did do does done for from
had has have he her here hers him his how i if in into is it its just ll m me mine my no not of off on or our ours out
please re s shall she should so some than that the their them then there these they this those through to too until up
us ve very was we were what when where which while who whom whose why will with would you your yours ask asked find
found hear know known look lookup mention mentioned question remember remembered remind said say says search searched
tell tells told au aux avec c ce ces cet cette dans de des du elle en est et eux il ils j je l la le les leur lui ma
mais mes mon ne nos notre nous ou par pas qu que qui quel quelle quels quelles quoi sa se ses sont sur ta te tes toi
ton tu un une vos votre vous comment quand combien dis aber als auch auf aus bei bist da dass dein deine dem den der
die das dir dich doch ein eine einem einen einer er es euch habe haben hast ich ihm ihn ihr ihre im ist kann mein
meine meinem meinen meiner mich mir nach nicht noch oder sein seine sich sie sind uber um und uns unser vom von vor
wann wer wie wo warum welche welcher welches wenn wird wir zu zum zur al como con cual cuales cuando cuanto cuanta del
donde el ella ellos eres esta este esto estas estos fue ha han las lo los mi mis muy o para pero por porque quien ser
si su sus tus una uno y yo che chi ci cosa dalla della delle di dove e gli ho io li nel nella non per perche piu quale
quando quanto sei sono sul sulla ti tuo tua ao aos com dos ela ele em eu foi isso meu minha na nas num numa os pelo
pela qual quais quem sao sem seu sua teu uma voce aan bij dat deze dit een haar heb heeft het hij hoe ik jij jouw kan
maar met mijn naar niet nog om onze ook op voor waar wanneer wat welke zijn zij t couldn didn doesn don hadn hasn
haven isn aren wasn weren wouldn won everything anything something thing things
""".split()  # noqa: SIM905
)


def storable(text: str) -> str:
    """A text without what PostgreSQL or UTF-8 cannot hold, and without other control characters but tabs and lines."""
    return _CONTROL.sub("", text)


def one_line(text: str) -> str:
    """A storable text with single spaces in place of all white space."""
    return " ".join(storable(text).split())


def terms(text: str) -> list[str]:
    """All terms of a text in order, up to `MAX_TERM` characters of each."""
    return list(_terms(text, stops=frozenset()))


def asked_terms(question: str) -> list[str]:
    """The terms that a question is about, each once, at most `MAX_ASKED`; all of its terms if it has none but stops."""
    found = dict.fromkeys(_terms(question, stops=STOP_WORDS)) or dict.fromkeys(_terms(question, stops=frozenset()))
    return list(found)[:MAX_ASKED]


def is_vague(question: str) -> bool:
    """Whether a question is about nothing in particular: "what do you know about me?"."""
    return next(_terms(question, stops=STOP_WORDS), None) is None


def _terms(text: str, *, stops: frozenset[str]) -> Iterator[str]:
    plain = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", text))).casefold()
    for word in _WORD.findall(plain):
        if _IS_CJK.match(word):
            yield from (word[i : i + 2] for i in range(max(len(word) - 1, 1)))
        elif word not in stops:
            yield _stem(word) if _STEMMED.fullmatch(word) else word[:MAX_TERM]


@lru_cache(maxsize=2**16)
def _stem(word: str) -> str:
    if not hasattr(_local, "english"):  # a stemmer keeps the word it is at
        _local.english = snowballstemmer.stemmer("english")
    stem: str = _local.english.stemWord(word[:MAX_TERM])
    return stem
