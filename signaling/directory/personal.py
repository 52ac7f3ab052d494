"""Numbers that belong to a person and not into a directory: of identity cards and of telephones. Pure."""

from __future__ import annotations

import re
from typing import Final

_PERSONAL: Final = re.compile(r"(?<![0-9])(?:[1-9][0-9]{16}[0-9Xx]|(?:\+?86)?1[3-9][0-9]{9})(?![0-9])")
_BETWEEN: Final = str.maketrans("", "", " -－—.·\u3000")
_WIDE: Final = str.maketrans("０１２３４５６７８９", "0123456789")


def is_personal(text: str) -> bool:
    """Whether a text holds a number of identity or of a mobile telephone, however it is spaced."""
    return _PERSONAL.search(text.translate(_WIDE).translate(_BETWEEN)) is not None
