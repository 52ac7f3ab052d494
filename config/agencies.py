"""The typed loader of the agency file: who works together at the prefecture, and what each may do at most.

**Another prefecture is another file**, named by `server.agencies_file`. This room does not know the permissions: the names in the file
are matched in `signaling.auth.agencies`.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

DEFAULT_AGENCIES = Path(__file__).with_name("agencies.toml")

Pattern = Annotated[str, Field(pattern=r"^[a-z*]+\.[a-z*]+$")]


class AgencyFileError(ValueError):
    """The agency file cannot be used; the message says which entry and why."""


class Agency(BaseModel):
    """An agency: a key that people carry, a name, and the permissions that its people may have at most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    permissions: Annotated[tuple[Pattern, ...], Field(min_length=1)]


class _AgencyFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    agency: tuple[Agency, ...] = ()

    @model_validator(mode="after")
    def _keys_are_unique(self) -> _AgencyFile:
        keys = [agency.key for agency in self.agency]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"the same key twice: {', '.join(twice)}")
        return self


def load_agencies(file: str | Path = "") -> list[Agency]:
    """Return the agencies of `file`, or of the one that comes with the program when empty. Raises `AgencyFileError`."""
    path = Path(file) if file else DEFAULT_AGENCIES
    try:
        return list(_AgencyFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).agency)
    except OSError as error:
        raise AgencyFileError(f"agency file {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise AgencyFileError(f"agency file {path} is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise AgencyFileError(f"agency file {path}: {where}: {first['msg']}") from None
