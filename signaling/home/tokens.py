"""What is secret between a family and the server: the code of a link, the token of a household. Pure; randomness is an argument.

1. **A code is derived** from a key, the lecture, the class and a number, so that the database holds its digest alone and the next
   number makes the old code worthless: 120 bits that nobody can guess.
2. **A household token is made by the server**: 128 random bits under a MAC. A browser cannot invent one, so it cannot invent households.
3. What is stored of a household is a digest of its token, the lecture and the class: nobody can tell that two of them are one family.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
import uuid
from typing import Final, NamedTuple

from signaling.auth.tokens import HOME

PREFIX: Final = "jth_"
"""Begins every code, so that a log hides it as it hides every token of ours."""
RANDOM_BYTES: Final = 16
_CODE_BYTES: Final = 15
_MAC_BYTES: Final = 12
_DIGEST_BYTES: Final = 16
_CODE: Final = re.compile(PREFIX + "[a-z2-7]{24}")
_NETWORK_BITS: Final = 64


class Household(NamedTuple):
    """A browser behind the link of a class: the only name that it has."""

    lecture_id: str
    class_id: str
    digest: str


def code(key: bytes, lecture_id: str, class_id: str, number: int) -> str:
    """Return the code of a class's link; `number` counts its renewals."""
    made = hmac.digest(key, f"link:{lecture_id}:{class_id}:{number}".encode(), "sha256")
    return PREFIX + base64.b32encode(made[:_CODE_BYTES]).decode().lower()


def is_code(text: str) -> bool:
    """Whether a text has the form of a code, so that nothing needs to be looked up for one that has not."""
    return _CODE.fullmatch(text) is not None


def mint(key: bytes, random: bytes) -> str:
    """Return the token of a new household; `random` are `RANDOM_BYTES` bytes."""
    if len(random) != RANDOM_BYTES:
        raise ValueError(f"a household token has {RANDOM_BYTES} random bytes")
    return _text(random + _mac(key, random))


def is_ours(key: bytes, token: str) -> bool:
    """Whether this server made a household token."""
    try:
        whole = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    random, mac = whole[:RANDOM_BYTES], whole[RANDOM_BYTES:]
    return len(mac) == _MAC_BYTES and hmac.compare_digest(mac, _mac(key, random)) and _text(whole) == token


def household(token: str, lecture_id: str, class_id: str) -> Household:
    """Return the household that a token stands for at a lecture."""
    made = hashlib.sha256(f"{lecture_id}:{class_id}:{token}".encode()).digest()
    return Household(lecture_id, class_id, _text(made[:_DIGEST_BYTES]))


def origin(key: bytes, lecture_id: str, address: str) -> str:
    """Return what is stored of an address: enough to see that two are the same at one lecture, and no more (72 bits of a MAC).

    Of IPv6 the network counts (/64): a telephone changes the rest at will.
    """
    made = hmac.digest(key, f"origin:{lecture_id}:{network(address)}".encode(), "sha256")
    return _text(made[:9])


def network(address: str) -> str:
    """Return the network that an address stands for: itself, of IPv6 its first 64 bits."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        mapped = parsed.ipv4_mapped
        if mapped is None:
            return str(ipaddress.ip_network((parsed, _NETWORK_BITS), strict=False))
        parsed = mapped
    return str(parsed)


def subject(one: Household) -> str:
    """Return the subject of a household's watch token; it holds all there is to know, so that HLS asks no database."""
    return f"{HOME}{_text(uuid.UUID(one.class_id).bytes)}.{one.digest}"


def of_subject(lecture_id: str, text: str) -> Household:
    """Return the household of a watch token; raise `ValueError` for any other subject."""
    class_id, _, digest = text.removeprefix(HOME).partition(".")
    if not text.startswith(HOME) or not digest:
        raise ValueError("this is no household's token")
    return Household(lecture_id, str(uuid.UUID(bytes=base64.urlsafe_b64decode(class_id + "=="))), digest)


def _mac(key: bytes, random: bytes) -> bytes:
    return hmac.digest(key, b"household:" + random, "sha256")[:_MAC_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
