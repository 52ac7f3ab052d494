"""What a page's video really shows and its sound really is, whoever made the page: levels of pictures, energy of sound."""

from __future__ import annotations

import math
from dataclasses import dataclass

from playwright.sync_api import BrowserContext, Page

_KEEP = """
(() => {
  const Original = window.RTCPeerConnection, connections = window.connections = [];
  window.RTCPeerConnection = class extends Original {
    constructor(...settings) { super(...settings); connections.push(this); }
  };
})();
"""
_LOOK = """
async (count) => {  // [mean luma, mean difference to the picture before] of `count` pictures that the video presents
  const video = document.querySelector('video'), canvas = document.createElement('canvas');
  canvas.width = 160;
  canvas.height = 90;
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  const found = [];
  let before = null, width = 0, height = 0;
  const first = video.getVideoPlaybackQuality().totalVideoFrames;
  while (found.length < count) {
    await new Promise(resolve => video.requestVideoFrameCallback(resolve));
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    let luma = 0, difference = 0;
    for (let at = 1; at < pixels.length; at += 4) {
      luma += pixels[at];
      if (before !== null) difference += Math.abs(pixels[at] - before[at]);
    }
    before = pixels;
    width = video.videoWidth;
    height = video.videoHeight;
    found.push([luma / (pixels.length / 4), difference / (pixels.length / 4)]);
  }
  return { found, width, height, frames: video.getVideoPlaybackQuality().totalVideoFrames - first };
}
"""
_SOUND = """
async () => {
  const found = { energy: 0, seconds: 0 };
  for (const connection of window.connections)
    for (const entry of (await connection.getStats()).values())
      if (entry.type === 'inbound-rtp' && entry.kind === 'audio') {
        found.energy += entry.totalAudioEnergy || 0;
        found.seconds += entry.totalSamplesDuration || 0;
      }
  return found;
}
"""


@dataclass(frozen=True)
class Looks:
    """What a video showed: decoded `frames`, mean `luma` (0 to 255), the share of pictures that differ from the one before."""

    frames: int
    luma: float
    moving: float
    size: tuple[int, int]


@dataclass(frozen=True)
class Sound:
    """Sound received so far, as WebRTC statistics have it: squared levels (0 to 1) summed over `seconds`."""

    energy: float
    seconds: float

    def level_since(self, earlier: Sound) -> float:
        """Return the root mean square of the levels (0 to 1) of what came after `earlier`; WebRTC takes peaks for levels."""
        return math.sqrt((self.energy - earlier.energy) / (self.seconds - earlier.seconds))


def keep_connections(context: BrowserContext) -> None:
    """Let the pages of a context keep their peer connections in `window.connections`; before any page is opened."""
    context.add_init_script(_KEEP)


def looks(page: Page, count: int) -> Looks:
    """Watch `count` pictures of the page's video."""
    seen = page.evaluate(_LOOK, count)
    moving = [difference > 0.5 for _, difference in seen["found"][1:]]
    luma = sum(level for level, _ in seen["found"]) / len(seen["found"])
    return Looks(seen["frames"], round(luma, 1), sum(moving) / len(moving), (seen["width"], seen["height"]))


def sound_of(page: Page) -> Sound:
    """Return what the page's connections have received, after `keep_connections`."""
    found = page.evaluate(_SOUND)
    return Sound(found["energy"], found["seconds"])
