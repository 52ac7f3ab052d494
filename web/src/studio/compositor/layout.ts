import type { Pace } from './pacing';

/** Scenes as data, and the arithmetic that turns one into rectangles. Pure: the worker, the fallback and tests share it. */

export type Source = 'camera' | 'screen';
export type SceneId = 'camera' | 'screen' | 'both' | 'title' | 'break';

export const WIDTH = 1280;
export const HEIGHT = 720;

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface SourceItem {
  kind: 'source';
  source: Source;
  /** Shares of the picture, 0 to 1. */
  area: Rect;
  /** `cover` fills the area and cuts; `contain` shows all and leaves bars. */
  fit: 'cover' | 'contain';
  frame?: boolean;
}

export interface TextItem {
  kind: 'text';
  text: 'title' | 'lecturer' | 'break';
  /** Centre of the line and its height, as shares of the picture's height and width. */
  x: number;
  y: number;
  size: number;
  weight: number;
}

export interface Scene {
  id: SceneId;
  fps: 15 | 30;
  items: readonly (SourceItem | TextItem)[];
}

const ALL: Rect = { x: 0, y: 0, width: 1, height: 1 };
const CORNER: Rect = { x: 0.765, y: 0.735, width: 0.22, height: 0.24 };

export const SCENES: Readonly<Record<SceneId, Scene>> = {
  camera: { id: 'camera', fps: 30, items: [{ kind: 'source', source: 'camera', area: ALL, fit: 'cover' }] },
  screen: { id: 'screen', fps: 15, items: [{ kind: 'source', source: 'screen', area: ALL, fit: 'contain' }] },
  both: {
    id: 'both',
    fps: 15,
    items: [
      { kind: 'source', source: 'screen', area: ALL, fit: 'contain' },
      { kind: 'source', source: 'camera', area: CORNER, fit: 'cover', frame: true },
    ],
  },
  title: {
    id: 'title',
    fps: 15,
    items: [
      { kind: 'text', text: 'title', x: 0.5, y: 0.45, size: 0.09, weight: 600 },
      { kind: 'text', text: 'lecturer', x: 0.5, y: 0.6, size: 0.05, weight: 400 },
    ],
  },
  break: {
    id: 'break',
    fps: 15,
    items: [
      { kind: 'text', text: 'break', x: 0.5, y: 0.45, size: 0.1, weight: 600 },
      { kind: 'text', text: 'title', x: 0.5, y: 0.6, size: 0.045, weight: 400 },
    ],
  },
};

export interface Size {
  width: number;
  height: number;
}

export function sourcesOf(scene: Scene): Source[] {
  return scene.items.flatMap((item) => (item.kind === 'source' ? [item.source] : []));
}

/** The source whose frames set the pace of a scene: the camera where there is one, for the lips. */
export function leader(scene: Scene): Source | null {
  const sources = sourcesOf(scene);
  return sources.includes('camera') ? 'camera' : (sources[0] ?? null);
}

export function paceOf(scene: Scene): Pace {
  return { fps: scene.fps, steady: leader(scene) === 'camera' };
}

/** An area in pixels, on even numbers: chroma is sampled at half the resolution. */
export function pixels(area: Rect): Rect {
  const even = (value: number): number => Math.round(value / 2) * 2;
  const [x, y] = [even(area.x * WIDTH), even(area.y * HEIGHT)];
  return { x, y, width: even(area.width * WIDTH), height: even(area.height * HEIGHT) };
}

/** The part of a source to take and where to put it. */
export function placed(item: SourceItem, size: Size): { from: Rect; to: Rect } {
  const area = pixels(item.area);
  const scale = { x: area.width / size.width, y: area.height / size.height };
  return item.fit === 'cover' ? covered(size, area, Math.max(scale.x, scale.y)) : contained(size, area, Math.min(scale.x, scale.y));
}

function covered(size: Size, to: Rect, scale: number): { from: Rect; to: Rect } {
  const [width, height] = [to.width / scale, to.height / scale];
  return { from: { x: (size.width - width) / 2, y: (size.height - height) / 2, width, height }, to };
}

function contained(size: Size, area: Rect, scale: number): { from: Rect; to: Rect } {
  const [width, height] = [size.width * scale, size.height * scale];
  const to = { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
  return { from: { x: 0, y: 0, ...size }, to };
}

/** Whether a scene is one source of exactly the output's size: its frames then pass untouched. */
export function passesThrough(scene: Scene, size: Size): boolean {
  const [item] = scene.items;
  if (scene.items.length !== 1 || item?.kind !== 'source' || item.area !== ALL) return false;
  return size.width === WIDTH && size.height === HEIGHT;
}
