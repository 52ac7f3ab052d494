// A viewer that knows WHEP and nothing of this server: offer, POST, answer. Returns what `window.foreign` then holds.
async ({ url, token, decode }) => {
  const read = (0, eval)(decode), seen = [], canvas = document.createElement('canvas');
  canvas.width = 320;
  canvas.height = 180;
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  const video = document.createElement('video'), stream = new MediaStream();
  video.muted = video.autoplay = video.playsInline = true;
  document.body.replaceChildren(video);
  const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  peer.ontrack = (event) => {
    stream.addTrack(event.track);
    video.srcObject = stream;
  };
  let shown;
  const first = new Promise((resolve) => { shown = resolve; });
  const note = (now, metadata) => {
    shown(performance.now());
    const at = performance.timeOrigin + (metadata.expectedDisplayTime || now);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    seen.push([read(context.getImageData(0, 0, canvas.width, canvas.height).data, canvas.width, canvas.height), at,
      metadata.rtpTimestamp]);
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
  const begun = performance.now();
  for (const kind of ['audio', 'video']) peer.addTransceiver(kind, { direction: 'recvonly' });
  await peer.setLocalDescription();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${token}` },
    body: peer.localDescription.sdp,
  });
  if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
  const answered = performance.now();
  const session = new URL(response.headers.get('Location'), url).href;
  await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
  const leave = async () => {
    await fetch(session, { method: 'DELETE', headers: { Authorization: `Bearer ${token}` } });
    peer.close();
    document.body.replaceChildren();
  };
  const received = async () => {
    const reports = [...(await peer.getStats()).values()].filter((report) => report.type === 'inbound-rtp');
    return Object.fromEntries(reports.map((report) => [report.kind, report]));
  };
  const joined = performance.timeOrigin + begun;
  window.foreign = { seen, leave, received, joined };
  return { first: (await first) - begun, answered: answered - begun };
}
