"""QR codes as SVG."""

from __future__ import annotations

import io

import segno


def qr(text: str) -> str:
    """Return a QR code as an SVG element that takes its size from the page."""
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="svg", xmldecl=False, omitsize=True, border=2)
    return out.getvalue().decode()
