// Notes every picture that the page's videos present, whichever line they come by: [counter or null, milliseconds since 1970, RTP timestamp,
// pictures presented so far].
(decode) => {
  const seen = [], canvas = document.createElement('canvas');
  canvas.width = 320;
  canvas.height = 180;
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  const watched = new WeakSet();
  const note = (video) => (now, metadata) => {
    const at = performance.timeOrigin + (metadata.expectedDisplayTime || now);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    seen.push([decode(context.getImageData(0, 0, canvas.width, canvas.height).data, canvas.width, canvas.height), at,
      metadata.rtpTimestamp, metadata.presentedFrames]);
    video.requestVideoFrameCallback(note(video));
  };
  const find = () => {
    for (const video of document.querySelectorAll('video')) {
      if (watched.has(video)) continue;
      watched.add(video);
      video.requestVideoFrameCallback(note(video));
    }
  };
  setInterval(find, 50);
  find();
  window.watcher = { seen };
}
