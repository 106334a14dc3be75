"""Words that tell a speaker "I am listening" and do not want the floor."""

from __future__ import annotations

import re

# English, German, French and Spanish, a line each.
BACKCHANNELS = """
mm mmm mhm mm-hm mm-hmm mmhm hm hmm uh-huh uh aha ah oh okay ok yeah yes yep right sure cool wow really i see got it
ja jaja genau stimmt gut klar ach so achso echt
oui ouais d'accord bien ah bon voilà
sí si vale claro ya bueno
"""
_WORDS = frozenset(BACKCHANNELS.split())
MOST_WORDS = 3


def is_backchannel(text: str) -> bool:
    """Whether this is all that was said: a few such words, or none at all."""
    words = re.findall(r"[\w'’-]+", text.lower())
    return len(words) <= MOST_WORDS and all(word.strip("-'") in _WORDS or word in _WORDS for word in words)
