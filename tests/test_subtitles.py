"""Cues keep the rules of the trade whatever the words are."""

from __future__ import annotations

import itertools
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxtral_service.events import Word
from voxtral_service.subtitles import COLUMNS, LONGEST, SHORTEST, Cue, cues, srt, vtt

TEXTS = st.one_of(
    st.sampled_from(["and", "the", "well,", "no.", "really?", '"yes!"', "—", "Donaudampfschiffahrt", "a<b>&c", "-->"]),
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=60),
    st.text("今日は良い天気。、", min_size=1, max_size=80),
)


@st.composite
def transcripts(draw: st.DrawFn) -> list[Word]:
    """Words in order that never overlap; some share a time, as engines that stamp groups make them."""
    words: list[Word] = []
    now = 0.0
    for text in draw(st.lists(TEXTS, max_size=60)):
        start = now + draw(st.sampled_from([0.0, 0.0, 0.05, 0.3, 1.0, 4.0]))
        now = start + draw(st.sampled_from([0.0, 0.08, 0.3, 0.6, 9.0]))
        words.append(Word(text, start, now))
    return words


def spoken(text: str, *, words_a_second: float = 3.0) -> list[Word]:
    return [Word(word, i / words_a_second, (i + 0.9) / words_a_second) for i, word in enumerate(text.split())]


def columns(text: str) -> int:
    wide = sum(unicodedata.east_asian_width(c) in "WF" and not unicodedata.combining(c) for c in text)
    return wide + sum(not unicodedata.combining(c) for c in text)


@given(transcripts())
def test_every_cue_keeps_the_rules(words: list[Word]) -> None:
    made = cues(words)
    for cue in made:
        assert 1 <= len(cue.lines) <= 2
        assert all(line and columns(line) <= COLUMNS for line in cue.lines)
        assert SHORTEST - 1e-6 <= cue.end - cue.start <= LONGEST + 1e-6
    for cue, following in itertools.pairwise(made):
        assert cue.end <= following.start


@given(transcripts())
def test_nothing_is_lost_or_turned_around(words: list[Word]) -> None:
    shown = "".join(line for cue in cues(words) for line in cue.lines)
    assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", "".join(word.text for word in words))


@given(transcripts())
def test_no_cue_comes_before_its_words(words: list[Word]) -> None:
    at = 0
    starts = [word.start for word in words for c in word.text if not c.isspace()]
    for cue in cues(words):
        assert cue.start >= starts[at] - 1e-9
        at += len(re.sub(r"\s", "", "".join(cue.lines)))


@given(transcripts())
def test_vtt_can_be_read_back(words: list[Word]) -> None:
    made = cues(words)
    blocks = vtt(made).split("\n\n")
    assert blocks[0] == "WEBVTT"
    assert len(blocks) == len(made) + 2
    for block in blocks[1:-1]:
        timing, *lines = block.split("\n")
        assert re.fullmatch(r"\d\d+:\d\d:\d\d\.\d{3} --> \d\d+:\d\d:\d\d\.\d{3}", timing)
        assert not any("<" in line or ">" in line or re.search("&(?!amp;|lt;|gt;)", line) for line in lines)


def test_a_cue_ends_with_its_sentence() -> None:
    made = cues(spoken("This is the first sentence. And this is the second one."))
    assert [cue.lines for cue in made] == [("This is the first sentence.",), ("And this is the second one.",)]


def test_a_cue_ends_in_a_pause() -> None:
    early, late = Word("before", 0, 0.5), Word("after", 3, 3.4)
    assert cues([early, late]) == [Cue(0, 1.0, ("before",)), Cue(3, 4.0, ("after",))]


def test_a_full_cue_is_cut_behind_its_last_comma() -> None:
    text = "one two three four five six seven eight nine ten eleven twelve, thirteen fourteen fifteen sixteen seventeen"
    first, second = cues(spoken(text, words_a_second=4))
    assert " ".join(first.lines).endswith("eleven twelve,")
    assert " ".join(second.lines).startswith("thirteen")


def test_two_lines_are_of_much_the_same_width() -> None:
    [cue] = cues(spoken("there are about fifty characters in this short line", words_a_second=4))
    assert cue.lines == ("there are about fifty", "characters in this short line") or (
        abs(len(cue.lines[0]) - len(cue.lines[1])) < 8
    )


def test_speech_too_fast_for_the_rules_comes_late() -> None:
    text = " ".join(["syllables"] * 40)
    made = cues([Word(word.text, 1.0, 1.0) for word in spoken(text)])
    assert [round(cue.start, 3) for cue in made] == [1.0 + i for i in range(len(made))]


@pytest.mark.parametrize("write", [srt, vtt])
def test_silence_makes_an_empty_file(write: type) -> None:
    assert write([]) in ("", "WEBVTT\n\n")


def test_srt_looks_like_srt() -> None:
    made = [Cue(0.0, 1.5, ("Hello", "there.")), Cue(3725.0406, 3727.0, ("Tom & <Jerry>",))]
    assert srt(made) == (
        "1\n00:00:00,000 --> 00:00:01,500\nHello\nthere.\n\n2\n01:02:05,041 --> 01:02:07,000\nTom & <Jerry>\n\n"
    )
    assert "Tom &amp; &lt;Jerry&gt;" in vtt(made)
