/** Remembers the chosen devices by id, then by label: ids change when a browser's data is cleared, labels do not. */
export type Kind = 'videoinput' | 'audioinput';

interface Remembered {
  deviceId: string;
  label: string;
}

const key = (kind: Kind): string => `jiangtang.studio.${kind}`;

export function remember(kind: Kind, device: Remembered): void {
  try {
    localStorage.setItem(key(kind), JSON.stringify({ deviceId: device.deviceId, label: device.label }));
  } catch {
    return; // storage is full or forbidden: the choice lasts as long as the page
  }
}

export function recall(kind: Kind): Remembered | null {
  try {
    const value = JSON.parse(localStorage.getItem(key(kind)) ?? 'null') as Remembered | null;
    return value !== null && typeof value.deviceId === 'string' ? value : null;
  } catch {
    return null;
  }
}

/** The remembered device among those present, or null. */
export function find<D extends Remembered>(devices: readonly D[], remembered: Remembered | null): D | null {
  if (remembered === null) return null;
  const byId = devices.find((device) => device.deviceId === remembered.deviceId);
  return byId ?? devices.find((device) => device.label !== '' && device.label === remembered.label) ?? null;
}
