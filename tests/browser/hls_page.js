// A bare page around hls.js, so that what is measured is the server's stream and nobody's player. `play(url, token, start)` begins
// anew; `page.seen` notes every picture as [counter or null, milliseconds since 1970, width], `page.trouble` what went wrong.
(decode) => {
  const video = document.querySelector('video'), canvas = document.createElement('canvas');
  canvas.width = 320;
  canvas.height = 180;
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  const page = (window.page = { seen: [], stalls: [], trouble: [], fatal: [] });
  let hls = null, begun = false;
  const note = (now, metadata) => {
    begun = true;
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    const at = performance.timeOrigin + (metadata.expectedDisplayTime || now);
    page.seen.push([decode(pixels, canvas.width, canvas.height), at, metadata.width]);
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
  video.addEventListener('waiting', () => begun && page.stalls.push([Date.now(), video.currentTime]));
  page.play = (url, token, start) => {
    if (hls) hls.destroy();
    begun = false;
    hls = page.hls = new Hls({
      enableWorker: false,
      lowLatencyMode: true,
      startPosition: start,
      maxLiveSyncPlaybackRate: start < 0 ? 1.1 : 1, // as the class screen has it: who fell behind plays a little faster
      xhrSetup: (request) => request.setRequestHeader('Authorization', `Bearer ${token}`),
    });
    hls.on(Hls.Events.ERROR, (_, data) => (data.fatal ? page.fatal : page.trouble).push([data.details, String(data.error)]));
    hls.loadSource(url);
    hls.attachMedia(video);
    return video.play();
  };
  page.toLive = () => { video.currentTime = hls.liveSyncPosition; };
}
