import { describe, expect, it } from 'vitest';
import {
  HEIGHT,
  leader,
  passesThrough,
  pixels,
  placed,
  SCENES,
  sourcesOf,
  WIDTH,
  type SceneId,
  type SourceItem,
} from '../../src/studio/compositor/layout';

const item = (fit: SourceItem['fit'], area = { x: 0, y: 0, width: 1, height: 1 }): SourceItem => ({
  kind: 'source',
  source: 'camera',
  area,
  fit,
});

describe('placing a source', () => {
  it('covers by cutting the sides of a wider picture equally', () => {
    const { from, to } = placed(item('cover'), { width: 1600, height: 720 });
    expect(to).toEqual({ x: 0, y: 0, width: WIDTH, height: HEIGHT });
    expect(from).toEqual({ x: 160, y: 0, width: 1280, height: 720 });
  });

  it('covers by cutting top and bottom of a 4:3 camera', () => {
    const { from } = placed(item('cover'), { width: 640, height: 480 });
    expect(from).toEqual({ x: 0, y: 60, width: 640, height: 360 });
  });

  it('contains by leaving bars', () => {
    const { from, to } = placed(item('contain'), { width: 1024, height: 768 });
    expect(from).toEqual({ x: 0, y: 0, width: 1024, height: 768 });
    expect(to).toEqual({ x: 160, y: 0, width: 960, height: 720 });
  });

  it('keeps the shape of whatever it shows', () => {
    for (const fit of ['cover', 'contain'] as const) {
      const { from, to } = placed(item(fit, { x: 0.7, y: 0.7, width: 0.25, height: 0.25 }), { width: 1920, height: 1080 });
      expect(to.width / to.height).toBeCloseTo(from.width / from.height, 6);
    }
  });

  it('starts areas on even pixels', () => {
    const area = pixels({ x: 0.765, y: 0.735, width: 0.22, height: 0.24 });
    expect(Object.values(area).every((value) => value % 2 === 0)).toBe(true);
  });
});

describe('scenes', () => {
  it('stay inside the picture', () => {
    for (const scene of Object.values(SCENES)) {
      for (const part of scene.items) {
        if (part.kind !== 'source') continue;
        expect(part.area.x + part.area.width).toBeLessThanOrEqual(1);
        expect(part.area.y + part.area.height).toBeLessThanOrEqual(1);
      }
    }
  });

  it('are paced by the camera where there is one', () => {
    const leaders = Object.fromEntries((Object.keys(SCENES) as SceneId[]).map((id) => [id, leader(SCENES[id])]));
    expect(leaders).toEqual({ camera: 'camera', screen: 'screen', both: 'camera', title: null, break: null });
    expect(sourcesOf(SCENES.both)).toEqual(['screen', 'camera']);
  });

  it('let a camera of the output’s size through untouched, and nothing else', () => {
    const size = { width: WIDTH, height: HEIGHT };
    expect(passesThrough(SCENES.camera, size)).toBe(true);
    expect(passesThrough(SCENES.camera, { width: 640, height: 360 })).toBe(false);
    expect(passesThrough(SCENES.both, size)).toBe(false);
    expect(passesThrough(SCENES.title, size)).toBe(false);
  });
});
