"""The documents of screens and pairings as the API takes and gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from signaling.api.paging import PageQuery
from signaling.directory.documents import Code, NodeName, Order, Text
from signaling.directory.models import Screen
from signaling.screens import proofs
from signaling.screens.queries import ScreenRow

Coordinate = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
Digits = Annotated[str, Field(pattern=r"^[0-9]{6}$")]


class PairingOffer(BaseModel):
    """What a screen shows (`code`) and keeps to itself (`secret`)."""

    id: str
    code: str
    secret: str
    expires_at: datetime


class PublicKey(Order):
    """A public key on P-256 (RFC 7517), whose private part never leaves the browser that made it."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Coordinate
    y: Coordinate

    @model_validator(mode="after")
    def _is_a_point(self) -> PublicKey:
        proofs.thumbprint(self.model_dump())
        return self

    @property
    def thumbprint(self) -> str:
        """The name of the key (RFC 7638)."""
        return proofs.thumbprint(self.model_dump())


class PairingOrder(Order):
    """What a screen that wants to be paired brings: the key of its browser, where there can be one."""

    key: PublicKey | None = None


class PairingState(BaseModel):
    """How far a pairing is; the token comes once, with `confirmed`."""

    state: Literal["waiting", "confirmed", "collected", "refused", "expired"]
    screen_id: str | None
    device_token: str | None


class CodeOrder(Order):
    """The six digits that a screen shows."""

    code: Digits


class Confirmation(CodeOrder):
    """In which room a screen hangs."""

    class_id: Annotated[str, Field(max_length=36)]
    terminal_no: Annotated[int, Field(ge=1, le=20)] = 1


class WaitingScreen(BaseModel):
    """The screen that shows a code, to compare with the one in the room."""

    id: str
    address: str
    agent: str
    created_at: datetime
    expires_at: datetime


class RepairOrder(Order):
    """The code of a room's sticker, as it was typed or scanned."""

    sticker: Annotated[str, Field(min_length=1, max_length=64)]
    key: PublicKey | None = None


class PairedScreen(BaseModel):
    """What a screen needs for the rest of its life; `url` opens its page."""

    screen_id: str
    device_token: str
    url: str


class Capability(BaseModel):
    """What the browser of a screen says that it can do: hints, no evidence. `tier` is one of docs' three tiers of engines."""

    model_config = ConfigDict(extra="ignore")

    tier: Literal["T1", "T2", "T3"]
    engine: Annotated[str, Field(max_length=40, pattern=r"^[ -~]*$")] = ""
    secure: bool
    webrtc: bool
    mse: bool
    h264: bool
    aac: bool
    opus: bool
    wake_lock: bool


class WatchOrder(Order):
    """What a screen may tell when it asks what to do: what its browser can, when its page was opened."""

    capability: Capability | None = None


class ScreenQuery(PageQuery):
    """What narrows the inventory."""

    county: Code | None = None
    school: Code | None = None
    state: Literal["paired", "there", "idle", "never", "revoked", "all"] = "paired"
    key: Literal["held", "none"] | None = None
    tier: Literal["T1", "T2", "T3"] | None = None
    line: Literal["good", "limited", "bad", "trouble", "untested"] | None = None
    q: Text = ""


class ClassName(BaseModel):
    """A class by its id and name."""

    id: str
    name: str


class LastLineTest(BaseModel):
    """What a screen's last connection test came to."""

    verdict: Literal["good", "limited", "bad"]
    at: datetime


class ScreenDocument(BaseModel):
    """A screen and what is known of it."""

    id: str
    terminal_no: int
    school_class: Annotated[ClassName, Field(serialization_alias="class")]
    school: NodeName
    county: NodeName
    paired_at: datetime | None
    revoked_at: datetime | None
    repaired_at: datetime | None
    last_seen_at: datetime | None
    agent: str
    key: Literal["held", "none"]
    capability: Capability | None
    line_test: LastLineTest | None
    live: bool


class StickerDocument(BaseModel):
    """A room's sticker; `svg` is the QR code of `url`."""

    screen_id: str
    terminal_no: int
    school_class: Annotated[ClassName, Field(serialization_alias="class")]
    code: str
    url: str
    svg: str


class StickerSheet(BaseModel):
    """The stickers of a school."""

    school: NodeName
    items: list[StickerDocument]


def _last_test(screen: Screen) -> LastLineTest | None:
    if screen.line_tested_at is None:
        return None
    return LastLineTest.model_validate({"verdict": screen.line_verdict, "at": screen.line_tested_at})


def screen_document(row: ScreenRow, live: bool) -> ScreenDocument:
    """Return the document of a screen; `live` says that it has an open session."""
    screen = row.screen
    return ScreenDocument(
        id=screen.id,
        terminal_no=screen.terminal_no,
        school_class=ClassName(id=row.school_class.id, name=row.school_class.name),
        school=NodeName(code=row.school.code, name=row.school.name),
        county=NodeName(code=row.county.code, name=row.county.name),
        paired_at=screen.paired_at,
        revoked_at=screen.revoked_at,
        repaired_at=screen.repaired_at,
        last_seen_at=screen.last_seen_at,
        agent=screen.agent,
        key="none" if screen.key_thumbprint is None else "held",
        capability=Capability.model_validate_json(screen.capability) if screen.capability else None,
        line_test=_last_test(screen),
        live=live,
    )
