import { io, type Socket } from 'socket.io-client';
import type { ClientMessages, ServerMessages } from './types';

export type LiveSocket = Socket<ServerMessages, ClientMessages>;

export type LiveAuth = { watch: string } | { lecture_id: string };

/**
 * Connects to the namespace `/live`. Long polling first, WebSocket when it gets through, so that a blocked WebSocket costs
 * nothing. `auth` is asked at every attempt, so a fresh token is used after a reconnect. Reconnects for ever with jitter;
 * after an announced restart the return is spread over the window that the server names.
 */
export function connectLive(auth: () => LiveAuth): LiveSocket {
  const socket: LiveSocket = io('/live', {
    auth: (give) => give(auth()),
    reconnectionDelay: 500,
    reconnectionDelayMax: 5000,
    randomizationFactor: 0.5,
    timeout: 8000,
  });
  socket.on('restarting', ({ window_seconds }) => {
    const delay = Math.random() * window_seconds * 1000;
    socket.io.reconnectionDelay(Math.max(500, delay));
    socket.once('connect', () => socket.io.reconnectionDelay(500));
  });
  return socket;
}
