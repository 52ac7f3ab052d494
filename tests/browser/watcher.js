// Notes every picture that the page's video presents: [counter or null, milliseconds since 1970, RTP timestamp,
// pictures presented so far].
(decode) => {
  const seen = [], canvas = document.createElement('canvas');
  canvas.width = 320;
  canvas.height = 180;
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  let watched = null;
  const note = (now, metadata) => {
    const at = performance.timeOrigin + (metadata.expectedDisplayTime || now);
    context.drawImage(watched, 0, 0, canvas.width, canvas.height);
    seen.push([decode(context.getImageData(0, 0, canvas.width, canvas.height).data, canvas.width, canvas.height), at,
      metadata.rtpTimestamp, metadata.presentedFrames]);
    watched.requestVideoFrameCallback(note);
  };
  const find = () => {
    const video = document.querySelector('video');
    if (video && video !== watched) {
      watched = video;
      video.requestVideoFrameCallback(note);
    }
  };
  setInterval(find, 50);
  find();
  window.watcher = { seen };
}
