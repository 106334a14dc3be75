"""The text of documents of every kind, read in this process; and passages of it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.assistant import files
from voxtral_service.assistant import document_text
from voxtral_service.assistant.document_text import PART, Unreadable, pages_of
from voxtral_service.assistant.passages import ENOUGH, LONGEST, OVERLAP, cut

HTML = """<!doctype html><html><head><title>Handbook</title><style>p{}</style></head><body>
<script>alert("no")</script><h1>Warranty</h1><p>It lasts <b>three</b> years.<p>Zürich
<table><tr><td>Part</td><td>Price</td></tr></table><!-- hidden --><template>never</template></body></html>"""


Read = Callable[[str, bytes], tuple[bool, list[str]]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(kind: str, data: bytes) -> tuple[bool, list[str]]:
        (tmp_path / "file").write_bytes(data)
        return pages_of(kind, tmp_path / "file")

    return read


def test_a_pdf_page_by_page(read: Read) -> None:
    paged, pages = read("pdf", files.pdf(["The warranty lasts three years.", "", "Call us on Monday."]))
    assert paged
    assert pages == ["The warranty lasts three years.", "", "Call us on Monday."]


def test_a_word_file_by_the_breaks_that_word_noted(read: Read) -> None:
    paged, pages = read("docx", files.word(["Page one.", "Page two."], [["Part", "Price"], ["Wheel", "12"]]))
    assert paged
    assert pages == ["Page one.", "Page two.\n\nPart | Price\n\nWheel | 12"]
    paged, pages = read("docx", files.word(["No breaks."]))
    assert (paged, pages) == (False, ["No breaks."])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_html_as_it_is_shown(read: Read, encoding: str) -> None:
    paged, [text] = read("html", HTML.encode(encoding))
    assert not paged
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n") if paragraph.strip()]
    assert paragraphs == ["Handbook", "Warranty", "It lasts three years.", "Zürich", "Part | Price |"]
    declared = HTML.replace("<title>", '<meta charset="iso-8859-15"><title>')
    assert "Zürich" in read("html", declared.encode("iso-8859-15"))[1][0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_text_in_usual_encodings(read: Read, encoding: str) -> None:
    assert read("md", "# Größe\r\n\r\nZwölf – nicht elf.".encode(encoding)) == (
        False,
        ["# Größe\n\nZwölf – nicht elf."],
    )


def test_a_format_without_pages_is_read_in_parts(read: Read) -> None:
    text = "\n\n".join(f"Paragraph {i} of many. " + "word " * 60 for i in range(40)) + "x" * (2 * PART)
    paged, parts = read("txt", text.encode())
    assert not paged
    assert all(0 < len(part) <= PART for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("kind", "data", "why"),
    [
        ("pdf", b"%PDF-1.7 nothing", "no PDF, or damaged"),
        ("pdf", files.pdf(["secret"], "abc"), "locked by a password"),
        ("pdf", files.pdf([""]), "is it scanned"),
        ("docx", b"PK\x03\x04 nothing", "no Word document"),
        ("docx", files.bomb(), "unpacks to more than 256 MB"),
        ("html", b"", "no HTML|is empty"),
        ("html", b"<script>x</script>", "no text"),
        ("txt", b" \n", "no text"),
        ("txt", bytes(1000), "the file is no text"),
    ],
)
def test_what_cannot_be_read_says_why(read: Read, kind: str, data: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(kind, data)


def test_a_document_is_bounded(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_text, "MAX_CHARACTERS", 100)
    with pytest.raises(Unreadable, match="more than 100 characters"):
        read("txt", b"x" * 101)
    monkeypatch.setattr(document_text, "MAX_PAGES", 2)
    with pytest.raises(Unreadable, match="more than 2 pages"):
        read("pdf", files.pdf(["a", "b", "c"]))


def test_outer_files_of_markup_are_not_read(read: Read, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden words")
    page = f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{secret}">]><p>There &x; is<iframe src="file://{secret}"></p>'
    assert "hidden" not in read("html", page.encode())[1][0]


def test_passages_end_with_paragraphs_or_sentences() -> None:
    sentence = "This sentence has exactly fifty characters in it. "
    pages = [sentence * 20 + "\n\n" + sentence * 10, sentence * 30]
    passages = list(cut(pages))
    assert all(passage.text.endswith("it.") for passage in passages)
    assert all(ENOUGH <= len(passage.text) <= LONGEST for passage in passages[:-1])
    assert [(passage.page, passage.last_page) for passage in passages] == [(1, 1), (1, 2), (2, 2)]
    assert next(cut(["One. Two.", "“Three.” Four"])).text == "One. Two. “Three.” Four"


def test_neighbours_overlap_by_whole_sentences() -> None:
    text = " ".join(f"Sentence number {i} tells of the number {i}." for i in range(200))
    passages = [passage.text for passage in cut([text])]
    for before, after in pairwise(passages):
        shared = max(size for size in range(LONGEST) if before.endswith(after[:size]))
        assert OVERLAP / 2 < shared <= OVERLAP
        assert after[:shared].endswith(".")


@given(st.lists(st.text(alphabet="ab. \n。", max_size=3000), max_size=5))
def test_every_word_is_in_a_passage_in_order(pages: list[str]) -> None:
    passages = list(cut(pages))
    assert all(0 < len(passage.text) <= LONGEST for passage in passages)
    assert all(1 <= passage.page <= passage.last_page <= len(pages) for passage in passages)
    assert all(a.page <= b.page for a, b in pairwise(passages))
    whole = "".join(passage.text for passage in passages)
    rest = iter("".join(whole.split()))
    assert all(letter in rest for letter in "".join("".join(pages).split()))
