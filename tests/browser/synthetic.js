// Replaces the camera and microphone by a synthetic lecturer: every picture shows a counter (tests/support/counter.py), and a beep
// begins with every whole second of the sound clock. What was drawn when is kept, so that a test can tell latency and lip-sync.
(() => {
  const WIDTH = 1280, HEIGHT = 720, FPS = /*FPS*/ 15, CODE = /*CODE*/ true, BEEP_SECONDS = 0.06, DARK = 32, BRIGHT = 220;
  const drawn = [];  // [counter, seconds of the sound clock, milliseconds since 1970]
  let started;

  const crc8 = (value) => {
    let crc = 0xA5;
    for (const byte of [value >> 16 & 255, value >> 8 & 255, value & 255]) {
      crc ^= byte;
      for (let i = 0; i < 8; i++) crc = crc & 0x80 ? (crc << 1 ^ 0x07) & 0xFF : crc << 1;
    }
    return crc;
  };

  // A slide and a lecturer, so that there is something to look at and to code.
  const paint = () => {
    const canvas = document.createElement('canvas'), context = canvas.getContext('2d', { alpha: false });
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    const box = (color, x, y, width, height) => { context.fillStyle = color; context.fillRect(x, y, width, height); };
    const disc = (color, x, y, radius) => {
      context.fillStyle = color;
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fill();
    };
    const words = (size, color, text, x, y) => {
      context.fillStyle = color;
      context.font = `${size}px "Noto Sans CJK SC", sans-serif`;
      context.fillText(text, x, y);
    };
    box('#e7ecef', 0, 0, WIDTH, HEIGHT);
    box('#ffffff', 60, CODE ? 200 : 60, 780, CODE ? 460 : 600);
    words(56, '#1f2937', '珍爱生命，远离毒品', 110, 300);
    words(34, '#374151', '一、认识常见毒品', 110, 390);
    words(34, '#374151', '二、学会说“不”', 110, 460);
    words(34, '#374151', '三、遇到危险怎样求助', 110, 530);
    box('#334155', 930, 470, 260, 226);
    disc('#334155', 1060, 480, 130);
    disc('#d6b08c', 1060, 320, 86);
    return canvas;
  };
  let slide;

  const draw = (context, counter) => {
    const bits = BigInt(counter) << 8n | BigInt(crc8(counter));
    const x = (column) => Math.round(column * WIDTH / 16), y = (row) => Math.round(row * HEIGHT / 9);
    context.drawImage(slide, 0, 0);
    context.fillStyle = '#0f766e';
    context.fillRect(counter * 7 % WIDTH, HEIGHT - 24, WIDTH / 40, 24);
    for (let place = 0; CODE && place < 32; place++) {
      const bright = bits >> BigInt(31 - place) & 1n, row = place >> 4, column = place & 15;
      const level = bright ? BRIGHT : DARK;
      context.fillStyle = `rgb(${level},${level},${level})`;
      context.fillRect(x(column), y(row), x(column + 1) - x(column), y(row + 1) - y(row));
    }
  };

  const start = () => {
    const sound = new AudioContext({ sampleRate: 48000 });
    const destination = sound.createMediaStreamDestination();
    const gain = sound.createGain(), tone = sound.createOscillator();
    gain.gain.value = 0;
    tone.frequency.value = 1000;
    tone.connect(gain).connect(destination);
    tone.start();
    let beeps = 1;
    const canvas = document.createElement('canvas');
    canvas.width = WIDTH;
    canvas.height = HEIGHT;
    const context = canvas.getContext('2d', { alpha: false });
    const stream = canvas.captureStream(0);
    const track = stream.getVideoTracks()[0];
    let counter = 0;
    slide = paint();
    const next = () => {
      while (beeps < sound.currentTime + 2) {
        gain.gain.setValueAtTime(0.5, beeps);
        gain.gain.setValueAtTime(0, beeps + BEEP_SECONDS);
        beeps += 1;
      }
      draw(context, counter);
      track.requestFrame();
      drawn.push([counter, sound.currentTime, performance.timeOrigin + performance.now()]);
      counter += 1;
    };
    setInterval(next, 1000 / FPS);
    return { picture: track, speech: destination.stream.getAudioTracks()[0] };
  };

  // A shared screen of another size that never changes: frames come only while it is drawn.
  const share = () => {
    const canvas = document.createElement('canvas'), context = canvas.getContext('2d', { alpha: false });
    canvas.width = 1600;
    canvas.height = 900;
    const stream = canvas.captureStream();
    const paintOnce = () => { context.fillStyle = '#7c3aed'; context.fillRect(0, 0, 1600, 900); };
    paintOnce();
    setTimeout(paintOnce, 200);
    return stream;
  };

  const named = (track, deviceId) => {
    const settings = track.getSettings.bind(track);
    track.getSettings = () => ({ ...settings(), deviceId });
    return track;
  };
  const DEVICES = [
    { kind: 'videoinput', deviceId: 'camera', groupId: 'desk', label: '集成摄像头' },
    { kind: 'audioinput', deviceId: 'microphone', groupId: 'desk', label: '领夹麦克风' },
  ];

  const media = navigator.mediaDevices;
  if (!media) return;
  media.enumerateDevices = async () => DEVICES;
  media.getDisplayMedia = async () => share();
  media.getUserMedia = async (constraints) => {
    started = started || start();
    const tracks = [];
    if (constraints && constraints.video) tracks.push(named(started.picture.clone(), 'camera'));
    if (constraints && constraints.audio) tracks.push(named(started.speech.clone(), 'microphone'));
    return new MediaStream(tracks);
  };
  window.syntheticLecturer = { drawn };
})();
