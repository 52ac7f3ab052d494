"""The data folder: private to its user, and held by one server at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from config.settings import Settings
from signaling.listen import StartError

LOCK = "server.lock"


def data_folder(settings: Settings) -> Path:
    """Return the data folder, made when missing, readable by this user alone. Raises `StartError`."""
    folder = settings.server.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise StartError(f"server.data_dir {folder} cannot be used: {error.strerror}") from None
    return folder


def database_file(settings: Settings) -> Path:
    """Return where the embedded database lies."""
    return data_folder(settings) / "jiangtang.sqlite3"


def hold(settings: Settings) -> IO[str]:
    """Hold the data folder until the file that is returned is closed; raises `StartError` when another server holds it.

    Two servers that write the same recordings and restore the same broadcasts would ruin both. The kernel lets go of the lock
    when the process ends, however it ends.
    """
    folder = data_folder(settings)
    file = (folder / LOCK).open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise StartError(f"another server (process {holder}) uses the data folder {folder}: stop it first") from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
