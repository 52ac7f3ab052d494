/// <reference lib="webworker" />

/** A clock for the fallback: a hidden page slows its own timers down, a worker's go on. */
setInterval(() => self.postMessage(null), 33);
