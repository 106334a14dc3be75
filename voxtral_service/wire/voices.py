"""Voices there are, and what stands for the names of those that there are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LocalVoice:
    """A voice there is; `language` is a BCP 47 tag, `gender` female, male or empty; some sound `natural`."""

    name: str
    language: str
    description: str
    gender: str
    natural: bool = False


OPENAI_VOICES = {
    "alloy": "",
    "ash": "male",
    "ballad": "male",
    "coral": "female",
    "echo": "male",
    "fable": "male",
    "onyx": "male",
    "nova": "female",
    "sage": "female",
    "shimmer": "female",
    "verse": "male",
    "marin": "female",
    "cedar": "male",
}
"""OpenAI's voices, which many clients cannot be talked out of, as people hear them."""


def stand_in(name: str, voices: Sequence[LocalVoice]) -> str:
    """The voice for a name that is one of OpenAI's and no local one; other names are themselves.

    The first of `voices` is the default. Different names get different voices as far as there are any of their gender
    in the default's language; nobody gets a robot's voice where the default is a natural one.
    """
    wanted = OPENAI_VOICES.get(name.lower())
    if wanted is None or not voices or any(voice.name == name for voice in voices):
        return name
    like = [voice for voice in voices if (voice.language, voice.natural) == (voices[0].language, voices[0].natural)]
    same = [voice.name for voice in like if voice.gender == wanted]
    alike = [other for other, gender in OPENAI_VOICES.items() if gender == wanted]
    return same[alike.index(name.lower()) % len(same)] if same else voices[0].name


def known_voice(name: str, voices: Sequence[LocalVoice]) -> str:
    """The same for clients that cannot be told of a mistake: a name that nobody knows is the default, empty."""
    found = stand_in(name, voices)
    return found if any(voice.name == found.partition("+")[0] or voice.name == found for voice in voices) else ""
