"""The file of a backup: a tar with `manifest.json` first, then its parts.

1. **It appears whole or not at all**, readable by its owner alone, and never over another file.
2. **Nothing is unpacked that the manifest does not name**, and nothing is used whose SHA-256 is another.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Final, Literal

from pydantic import AwareDatetime, BaseModel, ValidationError

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
DATABASE: Final = "database"
FILES: Final = "files/"
LARGEST_MANIFEST: Final = 1 << 20
CHUNK: Final = 1 << 20


class BackupError(Exception):
    """A backup cannot be taken, read or restored; the message is one sentence for the operator."""


class Part(BaseModel):
    """A member of the tar."""

    name: str
    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a backup says of itself."""

    format: Literal[1] = FORMAT
    version: str
    kind: Literal["sqlite", "postgresql"]
    revision: str
    made_at: AwareDatetime
    parts: list[Part]
    left_out: list[str]


def part(name: str, path: Path) -> Part:
    """Return the part that a file will be."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Part(name=name, bytes=path.stat().st_size, sha256=digest)


def write(target: Path, manifest: Manifest, paths: Mapping[str, Path]) -> None:
    """Write the backup; raises `BackupError` when there is a file already, `OSError` when it cannot be written."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                text = manifest.model_dump_json(indent=2).encode()
                tar.addfile(_member(MANIFEST, len(text)), io.BytesIO(text))
                for one in manifest.parts:
                    with paths[one.name].open("rb") as content:
                        tar.addfile(_member(one.name, one.bytes), content)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, target)
        sync_folder(target.parent)
    except FileExistsError:
        raise BackupError(f"{target} is there already: a backup never takes the place of another file") from None
    finally:
        draft.unlink(missing_ok=True)


def _member(name: str, size: int) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.mode = size, 0o600
    return made


def unpack(source: Path, folder: Path) -> Manifest:
    """Write the parts below `folder` and return the manifest; raises `BackupError` when anything is not as it says."""
    try:
        with tarfile.open(source, "r:") as tar:
            manifest = _manifest(tar)
            for one in manifest.parts:
                member = tar.next()
                if member is None or member.name != one.name or not member.isreg() or member.size != one.bytes:
                    raise BackupError(f"{source} is damaged: {one.name} is not where it belongs")
                _unpack(tar, member, one, folder / _safe(one.name))
            if tar.next() is not None:
                raise BackupError(f"{source} holds more than it says")
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(f"{source} is no backup, or damaged: {error}") from None
    return manifest


def _manifest(tar: tarfile.TarFile) -> Manifest:
    member = tar.next()
    content = tar.extractfile(member) if member is not None and member.name == MANIFEST and member.isreg() else None
    if member is None or content is None or member.size > LARGEST_MANIFEST:
        raise BackupError("this is no backup of this program: it does not begin with a manifest")
    try:
        manifest = Manifest.model_validate_json(content.read())
    except ValidationError:
        raise BackupError("the manifest of this backup cannot be read: is it of a newer version?") from None
    if [one.name for one in manifest.parts].count(DATABASE) != 1:
        raise BackupError("this backup holds no database")
    return manifest


def _safe(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    plain = not path.is_absolute() and ".." not in path.parts and "\0" not in name
    if name == DATABASE or (plain and name.startswith(FILES) and len(path.parts) > 1):
        return path
    raise BackupError(f"this backup names a file that it must not: {name!r}")


def _unpack(tar: tarfile.TarFile, member: tarfile.TarInfo, one: Part, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member)
    if content is None or path.exists():
        raise BackupError(f"this backup is damaged: {one.name}")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        if _copied(content, file) != one.sha256:
            raise BackupError(f"this backup is damaged: the SHA-256 of {one.name} is another")
        file.flush()
        os.fsync(file.fileno())


def _copied(content: IO[bytes], file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := content.read(CHUNK):
        digest.update(chunk)
        file.write(chunk)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
