import { HEIGHT, placed, WIDTH, type Rect, type Scene, type Size, type Source, type SourceItem, type TextItem } from './layout';
import type { Words } from './messages';

/** Draws a scene; the same code serves the worker's canvas and the fallback's. */

type Context = OffscreenCanvasRenderingContext2D | CanvasRenderingContext2D;

export interface Picture {
  image: CanvasImageSource;
  size: Size;
}

const BACKGROUND = '#0b1220';
const CARD = '#0f3f3a';
const INK = '#ffffff';
const FONTS = '"PingFang SC", "HarmonyOS Sans SC", "Microsoft YaHei", "Noto Sans CJK SC", system-ui, sans-serif';

export function paint(context: Context, scene: Scene, pictures: Readonly<Partial<Record<Source, Picture>>>, words: Words): void {
  context.fillStyle = scene.items.some((item) => item.kind === 'text') ? CARD : BACKGROUND;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  for (const item of scene.items) {
    if (item.kind === 'text') write(context, item, words);
    else show(context, item, pictures[item.source]);
  }
}

function show(context: Context, item: SourceItem, picture: Picture | undefined): void {
  if (picture === undefined) return;
  const { from, to } = placed(item, picture.size);
  if (item.frame === true) border(context, to);
  context.drawImage(picture.image, from.x, from.y, from.width, from.height, to.x, to.y, to.width, to.height);
}

function border(context: Context, to: Rect): void {
  context.fillStyle = INK;
  context.fillRect(to.x - 3, to.y - 3, to.width + 6, to.height + 6);
}

function write(context: Context, item: TextItem, words: Words): void {
  let size = item.size * HEIGHT;
  const font = (): string => `${String(item.weight)} ${String(Math.round(size))}px ${FONTS}`;
  context.font = font();
  const width = context.measureText(words[item.text]).width;
  size *= Math.min(1, (WIDTH * 0.9) / Math.max(1, width));
  context.font = font();
  context.fillStyle = INK;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillText(words[item.text], item.x * WIDTH, item.y * HEIGHT);
}
