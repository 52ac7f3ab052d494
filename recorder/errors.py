"""What can go wrong in the recorder, split by who is at fault.

    RecorderError
    +-- BoxError           bytes that are not the MP4 they should be              (ValueError)
    +-- DiskFull           the disk is full or below its reserve: recording pauses, the lecture goes on
    +-- IllegalTransition  an event that the state does not know: a bug here
    +-- UnknownRecording   no recording with this id

None of them reaches the media loop: `recorder.sink` is where they end.
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
