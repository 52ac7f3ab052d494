import type { Sample } from './quality';

type Report = Record<string, unknown> & { type: string; timestamp: number };

const numberOf = (report: Report | undefined, name: string): number | null => {
  const value = report?.[name];
  return typeof value === 'number' ? value : null;
};

/** Turns successive `getStats` reports of one connection into samples; rates are differences between two looks. */
export class Reader {
  private last: { bytes: number; at: number } | null = null;
  private lastReport: { timestamp: number; seenAt: number } | null = null;

  /** `now` is in seconds of a monotonic clock. */
  read(stats: Iterable<Report>, targetBps: number, now: number): Sample {
    const reports = [...stats];
    const video = reports.find((r) => r.type === 'outbound-rtp' && r['kind'] === 'video');
    const remote = reports.find((r) => r.type === 'remote-inbound-rtp' && r['kind'] === 'video');
    const rtt = numberOf(remote, 'roundTripTime');
    const limitation = video?.['qualityLimitationReason'];
    return {
      bitrateBps: this.bitrate(numberOf(video, 'bytesSent') ?? 0, now),
      targetBps,
      loss: Math.max(0, numberOf(remote, 'fractionLost') ?? 0),
      rttMs: rtt === null ? null : rtt * 1000,
      limitation: limitation === 'cpu' || limitation === 'bandwidth' || limitation === 'other' ? limitation : 'none',
      fps: numberOf(video, 'framesPerSecond') ?? 0,
      reportAge: this.reportAge(remote, now),
    };
  }

  private bitrate(bytes: number, now: number): number {
    const last = this.last;
    this.last = { bytes, at: now };
    if (last === null || now <= last.at) return 0;
    return (Math.max(0, bytes - last.bytes) * 8) / (now - last.at);
  }

  /** Seconds since the last new report; 0 before the first, which may take a while. */
  private reportAge(remote: Report | undefined, now: number): number {
    const timestamp = remote?.timestamp;
    if (timestamp !== undefined && timestamp > (this.lastReport?.timestamp ?? 0)) this.lastReport = { timestamp, seenAt: now };
    return this.lastReport === null ? 0 : now - this.lastReport.seenAt;
  }
}
