import { ref, type Ref } from 'vue';

const LEAST = 200;
const MOST = 560;
const STEP = 16;

/** A column at the side that a person makes wider or narrower, or folds away; it stays so in this browser. */
export interface Column {
  readonly width: Ref<number>;
  readonly folded: Ref<boolean>;
  readonly least: number;
  readonly most: number;
  fold(): void;
  drag(event: PointerEvent): void;
  press(event: KeyboardEvent): void;
}

const within = (width: number): number => Math.round(Math.min(MOST, Math.max(LEAST, width)));

export function useColumn(name: string, first: number): Column {
  const key = `jiangtang.column.${name}`;
  const kept = recall(key);
  const width = ref(within(kept.width ?? first));
  const folded = ref(kept.folded ?? false);
  const keep = (): void => remember(key, { width: width.value, folded: folded.value });

  function drag(event: PointerEvent): void {
    const edge = event.currentTarget as HTMLElement;
    const from = event.clientX - width.value;
    const move = (next: PointerEvent): void => void (width.value = within(next.clientX - from));
    const end = (): void => {
      edge.removeEventListener('pointermove', move);
      keep();
    };
    edge.setPointerCapture(event.pointerId);
    edge.addEventListener('pointermove', move);
    edge.addEventListener('lostpointercapture', end, { once: true });
  }

  function press(event: KeyboardEvent): void {
    const by = { ArrowLeft: -STEP, ArrowRight: STEP, Home: -MOST, End: MOST }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    width.value = within(width.value + by);
    keep();
  }

  return {
    width,
    folded,
    least: LEAST,
    most: MOST,
    drag,
    press,
    fold() {
      folded.value = !folded.value;
      keep();
    },
  };
}

interface Kept {
  readonly width?: number;
  readonly folded?: boolean;
}

function recall(key: string): Kept {
  try {
    return JSON.parse(localStorage.getItem(key) ?? '{}') as Kept;
  } catch {
    return {};
  }
}

function remember(key: string, kept: Kept): void {
  try {
    localStorage.setItem(key, JSON.stringify(kept));
  } catch {
    return; // it then lasts as long as the page
  }
}
