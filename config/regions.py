"""The typed loader of the region file: one prefecture and its units of the county level.

**Another prefecture is another file**, named by `server.regions_file`; nothing in the code knows a code or a name. `code` is the
key inside this system, `gb2260` the national code (GB/T 2260), absent for units that have none.
"""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

DEFAULT_REGIONS = Path(__file__).with_name("regions.toml")

Code = Annotated[str, Field(pattern=r"^[0-9][0-9A-Z]{1,11}$")]
NationalCode = Annotated[str, Field(pattern=r"^\d{6}$")]


class RegionFileError(ValueError):
    """The region file cannot be used; the message says which entry and why."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    code: Code
    name: Annotated[str, Field(min_length=1, max_length=64)]
    gb2260: NationalCode | None = None
    valid_from: date | None = None
    valid_to: date | None = None
    successor: Code | None = None
    former_codes: tuple[Code, ...] = ()


class Region(_Entry):
    """The prefecture (`parent` is None) or one of its units."""

    level: Literal["prefecture", "county"] = "county"
    parent: Code | None = None
    direct: bool = False
    """Whether it is no county unit but the home of the schools that the prefecture runs itself."""


class RegionFile(BaseModel):
    """`[prefecture]`, `[[county]]` in the order in which reports list them, and `[direct]` for schools of the prefecture itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    prefecture: _Entry
    county: Annotated[tuple[_Entry, ...], Field(min_length=1)]
    direct: _Entry | None = None

    @model_validator(mode="after")
    def _codes_are_unique(self) -> RegionFile:
        codes = [self.prefecture.code, *(unit.code for unit in self.county)]
        codes += [self.direct.code] if self.direct else []
        twice = sorted({code for code in codes if codes.count(code) > 1})
        if twice:
            raise ValueError(f"the same code twice: {', '.join(twice)}")
        return self

    def regions(self) -> list[Region]:
        """Return the prefecture, then its units, then the home of its own schools."""
        top = Region(**self.prefecture.model_dump(), level="prefecture")
        units = [Region(**unit.model_dump(), parent=top.code) for unit in self.county]
        own = [Region(**self.direct.model_dump(), parent=top.code, direct=True)] if self.direct else []
        return [top, *units, *own]


def load_regions(file: str | Path = "") -> list[Region]:
    """Return the regions of `file`, or of the one that comes with the program when empty. Raises `RegionFileError`."""
    path = Path(file) if file else DEFAULT_REGIONS
    try:
        return RegionFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).regions()
    except OSError as error:
        raise RegionFileError(f"region file {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise RegionFileError(f"region file {path} is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise RegionFileError(f"region file {path}: {where}: {first['msg']}") from None
