"""Papers laid together for the printer: each page is taken over as it is, and no paper is changed."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

from pypdf import PdfReader, PdfWriter
from pypdf.generic import NameObject


def together(papers: Iterable[bytes]) -> bytes:
    """Give one PDF with the pages of all, in their order.

    It asks the printer for single sides, for on both one letter's back would be another person's letter, and for the
    true size, which keeps the address in the window of the envelope.
    """
    out = PdfWriter()
    for paper in papers:
        out.append(PdfReader(BytesIO(paper)), import_outline=False)
    out.compress_identical_objects(remove_duplicates=True)  # the font is in each of them
    asked = out.create_viewer_preferences()
    asked[NameObject("/Duplex")] = NameObject("/Simplex")
    asked[NameObject("/PrintScaling")] = NameObject("/None")
    written = BytesIO()
    out.write(written)
    return written.getvalue()
