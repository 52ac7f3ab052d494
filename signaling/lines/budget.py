"""How much of the server connection tests may use at once. Pure: `now` is monotonic seconds.

1. **All tests together have one budget** of bytes and of media connections: with more, the next one is told to wait.
2. An address may ask often, as a school has one for all its rooms, but not without end.
"""

from __future__ import annotations

from config.settings import LineTestsSettings
from signaling.live.limits import Bucket, Buckets

MINUTE = 60.0
ADDRESSES = 10_000


class Budget:
    """Counts what tests take; every method returns 0.0, or the seconds after which to try again."""

    def __init__(self, settings: LineTestsSettings, now: float) -> None:
        downloads = settings.bytes_per_second / settings.download_bytes
        per_minute = settings.requests_per_minute_per_address
        self._most = settings.downloads_alive
        self._downloads = Bucket(downloads, max(1.0, 2 * downloads), now)
        self._probes = Bucket(settings.probes_per_second, max(1.0, 2 * settings.probes_per_second), now)
        self._addresses = Buckets(per_minute / MINUTE, per_minute, ADDRESSES)
        self.downloading = 0

    def ask(self, address: str, now: float) -> float:
        """Count any request of an address."""
        return self._addresses.take(address, now)

    def download(self, now: float) -> float:
        """Count a download that begins."""
        return 1.0 if self.downloading >= self._most else self._downloads.take(now)

    def probe(self, now: float) -> float:
        """Count a media connection."""
        return self._probes.take(now)
