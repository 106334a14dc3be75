"""The text of documents. A program of its own, for files may be made to break whoever reads them.

    python -m voxtral_service.assistant.document_text KIND FILE MEMORY

writes lines of JSON: each page, then each passage with its terms, and at last how many there are; or why there is
nothing. It gives itself so many bytes of memory, and little processor time and disk. `reading` runs it.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from voxtral_service.assistant.passages import cut
from voxtral_service.database.words import storable, terms

OUTPUT = 2**28
"""Bytes."""
PROCESSOR_SECONDS = 120
MAX_PAGES = 5000
MAX_CHARACTERS = 12_000_000
PART = 3000
"""Characters of a page where a format has none."""
MAX_UNPACKED = 2**28
"""Bytes that a Word file may hold."""

_HYPHEN = re.compile(r"[\ufffe\u0002\u00ad]\s*|(?<=[a-zà-ÿ])-\r?\n(?=[a-zà-ÿ])")
_SKIPPED = {"script", "style", "noscript", "template", "head", "svg", "math", "iframe", "object", "select"}
_BLOCKS = frozenset(
    """
address article aside blockquote body br caption dd details div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6
header hr li main nav ol p pre section summary table tbody td tfoot th thead tr ul
""".split()  # noqa: SIM905
)
_CELLS = {"td", "th"}


class Unreadable(Exception):
    """There is no text; the message says why."""


def pdf(path: Path) -> Iterator[str]:
    """Page by page."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower()
        raise Unreadable("the PDF is locked by a password" if locked else "the file is no PDF, or damaged") from error
    for number in range(len(document)):
        try:
            page = document[number]
            text = page.get_textpage().get_text_bounded()
            page.close()
        except pypdfium2.PdfiumError:  # a damaged page is an empty one
            text = ""
        yield _HYPHEN.sub("", text).replace("\r\n", "\n")


def docx(path: Path) -> Iterator[str]:
    """By the page breaks that Word noted when it saved the file; a single page if it noted none."""
    import docx as word
    from docx.opc.exceptions import PackageNotFoundError
    from docx.table import Table

    try:
        with zipfile.ZipFile(path) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MAX_UNPACKED:
                raise Unreadable(f"the Word file unpacks to more than {MAX_UNPACKED // 2**20} MB")
        document = word.Document(str(path))
    except (zipfile.BadZipFile, PackageNotFoundError, KeyError, ValueError) as error:
        raise Unreadable("the file is no Word document (.docx), or damaged") from error
    held: list[str] = []
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            held += [" | ".join(dict.fromkeys(cell.text.strip() for cell in row.cells)) for row in block.rows]
            continue
        breaks = block.rendered_page_breaks
        if breaks:
            yield "\n\n".join(held)
            yield from [""] * (len(breaks) - 1)
            held = []
        held.append(block.text)
    yield "\n\n".join(held)


def html(path: Path) -> Iterator[str]:
    """What a page shows, its blocks as paragraphs."""
    from lxml import etree

    data = path.read_bytes()
    # A page that does not say its encoding is UTF-8 today, which libxml2 does not assume.
    encoding = "utf-8" if _decodes(data, "utf-8") else None
    parser = etree.HTMLParser(encoding=encoding, no_network=True, remove_comments=True, remove_pis=True)
    try:
        tree = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable("the file is no HTML, damaged, or needs too much memory") from error
    if tree is None:
        raise Unreadable("the HTML file is empty")
    held: list[str] = [title.strip() for title in tree.xpath("//head/title/text()")]
    walker: Any = etree.iterwalk(tree, events=("start", "end"))
    for event, element in walker:
        around = " | " if element.tag in _CELLS else "\n\n" if element.tag in _BLOCKS else ""
        if event == "start" and element.tag in _SKIPPED:
            walker.skip_subtree()
        elif event == "start":
            held += ["" if element.tag in _CELLS else around, element.text or ""]
        else:
            held += [around, element.tail or ""]
    yield "".join(held)


def text(path: Path) -> Iterator[str]:
    """A file of text, Markdown as it is."""
    data = path.read_bytes()
    for encoding in ("utf-8-sig", "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "cp1252"):
        if _decodes(data, encoding):
            break
    decoded = data.decode(encoding, "replace")
    if decoded.count("\0") > len(decoded) // 100:
        raise Unreadable("the file is no text")
    yield decoded.replace("\r\n", "\n")


READERS: dict[str, Callable[[Path], Iterator[str]]] = {"pdf": pdf, "docx": docx, "html": html, "txt": text, "md": text}


def pages_of(kind: str, path: Path) -> tuple[bool, list[str]]:
    """Whether a document has pages of its own, and their texts. Raises Unreadable."""
    pages: list[str] = []
    size = 0
    for page in READERS[kind](path):
        pages.append(storable(page).strip())
        size += len(pages[-1])
        if len(pages) > MAX_PAGES:
            raise Unreadable(f"the document has more than {MAX_PAGES} pages; send it in parts")
        if size > MAX_CHARACTERS:
            raise Unreadable(f"the document has more than {MAX_CHARACTERS} characters; send it in parts")
    if not size:
        raise Unreadable("there is no text in the document" + ("; is it scanned?" if kind == "pdf" else ""))
    paged = kind == "pdf" or len(pages) > 1
    return paged, pages if paged else list(_parts(pages[0]))


def _parts(text: str) -> Iterator[str]:
    """A text in parts that can be read at once, cut between paragraphs or else lines, words."""
    while len(text) > PART:
        ends = (text.rfind(mark, PART // 2, PART) for mark in ("\n\n", "\n", ". ", " "))
        end = next((end + 1 for end in ends if end > 0), PART)
        yield text[:end].strip()
        text = text[end:].lstrip()
    yield text


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _limit(memory: int) -> None:
    """Take what a hostile file could use up away from this process."""
    import resource

    for which, most in ((resource.RLIMIT_CPU, PROCESSOR_SECONDS), (resource.RLIMIT_FSIZE, OUTPUT)):
        resource.setrlimit(which, (most, most))
    if sys.platform == "linux":  # elsewhere it is not kept, or counts what is shared
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))


def _tell(**line: object) -> None:
    sys.stdout.write(json.dumps(line) + "\n")


def main(kind: str, path: str, memory: str) -> None:
    """See the module."""
    _limit(int(memory))
    try:
        paged, pages = pages_of(kind, Path(path))
    except Unreadable as error:
        _tell(unreadable=str(error))
        return
    except (MemoryError, RecursionError):
        _tell(unreadable="the document needs more memory than is given to one")
        return
    for number, page in enumerate(pages, start=1):
        _tell(page=number, text=page)
    count = 0
    for passage in cut(pages):
        count += 1
        words = " ".join(terms(passage.text))
        _tell(place=count, page=passage.page, last_page=passage.last_page, text=passage.text, terms=words)
    _tell(pages=len(pages), passages=count, paged=paged)


if __name__ == "__main__":
    main(*sys.argv[1:])
