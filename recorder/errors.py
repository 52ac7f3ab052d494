"""What can go wrong in the recorder, split by who is at fault.

    RecorderError
    +-- BoxError           bytes that are not the MP4 they should be              (ValueError)
    +-- DiskFull           the disk is full or below its reserve: recording pauses, the lecture goes on
    +-- IllegalTransition  an event that the state does not know: a bug here
    +-- UnknownRecording   no recording with this id
    +-- ObjectStoreError   the object store cannot be reached, or refuses: tried again later
    +-- HlsError           a request for the running stream that gets no media (`recorder.live`)
        +-- BadDirective   the client asks for what no playlist of ours leads to
        +-- NotYet         there is nothing to serve yet, or nothing came in time: ask again
        +-- Cut            the lecture was cut: nothing is shown
        +-- NoSuchPart     this part, segment or reel is not served, or not any more
        +-- TooManyWaiting as many requests wait as may

None of them reaches the media loop: `recorder.sink` is where those of writing end, HTTP is where those of serving end.
"""

from __future__ import annotations


class RecorderError(Exception):
    """Root of the tree."""


class BoxError(RecorderError, ValueError):
    """Bytes that are not the ISO base media file that they should be."""


class DiskFull(RecorderError):
    """The disk is full, or holds less than the reserve that the settings keep free."""


class IllegalTransition(RecorderError):
    """An event that the state table does not have in this state; nothing was changed."""


class UnknownRecording(RecorderError):
    """There is no recording with this id."""


class HlsError(RecorderError):
    """The running stream does not answer this request with media."""


class BadDirective(HlsError):
    """A delivery directive that RFC 8216bis section 6.2.5.2 does not allow."""


class NotYet(HlsError):
    """Nothing to serve at present; worth another request after `retry_after` seconds."""

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Cut(HlsError):
    """The lecture was cut; nothing of it is shown."""


class NoSuchPart(HlsError):
    """A part, segment or initialisation that does not exist, is hidden, or is not held any more."""


class TooManyWaiting(HlsError):
    """As many requests wait for the next part as `hls.waiting_requests` allows."""


class ObjectStoreError(RecorderError):
    """The object store cannot be reached, or refuses; the message has no key in it."""
