"""What a person or a screen gets to watch one recording: its address, a watch token, and the cookie of that path."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from signaling.api.parsing import reply
from signaling.library.cookies import set_watch
from signaling.library.document import PLAYABLE, playlist
from signaling.library.models import RecordingEntry
from signaling.library.review import not_ready
from signaling.library.shelf import RUNNING

Mint = Callable[[str, str], str]
"""Returns a watch token of a subject for a lecture (`signaling.live.service.LiveService.watch_token`)."""


class Passes:
    """Gives passes that are valid for `seconds`."""

    def __init__(self, mint: Mint, seconds: int) -> None:
        self._mint = mint
        self._seconds = seconds

    def answer(self, request: web.Request, entry: RecordingEntry, subject: str) -> web.Response:
        """Return the pass of somebody who may watch the recording; raise 409 `not_ready` when there is nothing to watch.

        What still grows is watched from its first second on.
        """
        if entry.state not in PLAYABLE:
            raise not_ready(entry.state)
        live = entry.state in RUNNING
        token = self._mint(subject, entry.lecture_id)
        document = {
            "recording_id": entry.id,
            "lecture_id": entry.lecture_id,
            "hls_url": playlist(entry) + ("?rewind=1" if live else ""),
            "token": token,
            "expires_in": self._seconds,
            "live": live,
        }
        response = reply(document)
        set_watch(request, response, entry.lecture_id, token, self._seconds)
        return response
