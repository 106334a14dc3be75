"""Documents of every kind, made here."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import Any

import docx
from docx.oxml import OxmlElement
from fpdf import FPDF


def pdf(pages: Sequence[str], password: str = "") -> bytes:
    made = FPDF()
    made.set_font("Helvetica", size=11)
    if password:
        made.set_encryption(owner_password=password, user_password=password)
    for page in pages:
        made.add_page()
        made.multi_cell(0, 5, page)
    return bytes(made.output())


def word(pages: Sequence[str], table: Sequence[Sequence[str]] = ()) -> bytes:
    """With the marks of page breaks that Word leaves."""
    made: Any = docx.Document()
    for number, page in enumerate(pages):
        paragraph = made.add_paragraph()
        if number:
            paragraph.add_run()._r.append(OxmlElement("w:lastRenderedPageBreak"))
        paragraph.add_run(page)
    if table:
        grid = made.add_table(len(table), len(table[0]))
        for row, texts in zip(grid.rows, table, strict=True):
            for cell, text in zip(row.cells, texts, strict=True):
                cell.text = text
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def bomb() -> bytes:
    """A Word file that unpacks to more than is let through."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed, packed.open("word/document.xml", "w") as entry:
        for _ in range(300):
            entry.write(b" " * 2**20)
    return file.getvalue()


def plain_pdf(pages: Sequence[str]) -> bytes:
    """One line a page, written by hand: fpdf2 takes a minute over two thousand."""
    count = len(pages)
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {count} /Kids [{' '.join(f'{4 + 2 * i} 0 R' for i in range(count))}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for i, page in enumerate(pages):
        stream = f"BT /F1 9 Tf 40 800 Td ({page}) Tj ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * i} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    made, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(made))
        made += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{len(made)}\n%%EOF\n"
    return f"{made}xref\n0 {size}\n0000000000 65535 f \n{table}{end}".encode("ascii")
