import { connectLive, type LiveSocket } from '../shared/socket';
import type { Challenge, Lecture, ScreenReport } from '../shared/types';
import type { ScreenEvent } from './model';

/**
 * The realtime line: news without asking. It is a convenience: everything it tells is also found out without it, only later.
 */
export interface LineOutlet {
  tell(event: ScreenEvent): void;
  challenge(challenge: Challenge): void;
}

function helloOf(boot: string, lecture: Lecture | null): ScreenEvent {
  return { type: 'hello', boot, lecture: lecture?.id ?? null, state: lecture?.state ?? null };
}

export class Line {
  private socket: LiveSocket | null = null;
  private lecture = '';
  private token = '';

  constructor(private readonly outlet: LineOutlet) {}

  /** Listens to `lecture`; a fresh token for the same lecture is used at the next reconnect. */
  listen(lecture: string, token: string): void {
    this.token = token;
    if (lecture === this.lecture) return;
    this.leave();
    this.lecture = lecture;
    this.socket = this.attach(connectLive(() => ({ watch: this.token })));
  }

  report(report: ScreenReport): void {
    // Hints are worth nothing when they are late: not connected means not sent.
    if (this.socket?.connected === true) this.socket.emit('report', report);
  }

  /** Hangs up for good, until there is something to listen to again. */
  private leave(): void {
    this.socket?.disconnect();
    this.socket = null;
    this.lecture = '';
  }

  private attach(socket: LiveSocket): LiveSocket {
    const { outlet } = this;
    socket.on('hello', (m) => outlet.tell(helloOf(m.boot_id, m.lecture)));
    socket.on('lecture', (m) => outlet.tell({ type: 'lecture', lecture: m.id, state: m.state }));
    socket.on('restarting', (m) => outlet.tell({ type: 'restarting', seconds: m.window_seconds }));
    socket.on('challenge', (m) => outlet.challenge(m));
    socket.on('replaced', () => {
      // Coming back would throw the newer browser out in turn.
      this.leave();
      outlet.tell({ type: 'replaced' });
    });
    socket.on('publisher', (m) => outlet.tell({ type: 'studio', lost: m.state === 'lost' }));
    socket.on('disconnect', (reason) => {
      outlet.tell({ type: 'line', up: false });
      // The server itself closed: Socket.IO does not come back from that by itself, and only a fresh token will do.
      if (reason === 'io server disconnect') this.retryLater(socket);
    });
    socket.on('connect_error', () => {
      if (!socket.active) this.retryLater(socket);
    });
    return socket;
  }

  /** A refused token: the next question brings a fresh one, and the line tries again with it. */
  private retryLater(socket: LiveSocket): void {
    const again = (): void => void (socket === this.socket && socket.connect());
    setTimeout(again, 5000 + Math.random() * 10_000);
  }
}
