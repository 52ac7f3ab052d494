/** The little that is needed to build the player by hand. Text is set as text, always. */

type Attributes = Readonly<Record<string, string>>;

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  for (const name of Object.keys(attributes)) node.setAttribute(name, attributes[name] as string);
  for (const child of children) node.appendChild(typeof child === 'string' ? document.createTextNode(child) : child);
  return node;
}

const SVG = 'http://www.w3.org/2000/svg';

/** Drawings of 24 × 24; those named in `SOLID` are filled, the others are strokes. */
const PATHS = {
  play: 'M7 4.500v15l12.500-7.500z',
  pause: 'M6.500 5h3.500v14H6.500zM14 5h3.500v14H14z',
  replay: 'M5 12a7 7 0 1 0 2.300-5.200M4 3.500v4.500h4.500',
  back: 'M11 6l-6 6 6 6M18 6l-6 6 6 6',
  forward: 'M13 6l6 6-6 6M6 6l6 6-6 6',
  loud: 'M4 9.500h3.500L12 5.500v13l-4.500-4H4zM15.500 9a4.200 4.200 0 0 1 0 6M18 6.500a7.800 7.800 0 0 1 0 11',
  silent: 'M4 9.500h3.500L12 5.500v13l-4.500-4H4zM16 9.500l5 5M21 9.500l-5 5',
  full: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  small: 'M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5',
  list: 'M9 6h11M9 12h11M9 18h11M4 6h.5M4 12h.5M4 18h.5',
  close: 'M6 6l12 12M18 6L6 18',
  alert: 'M12 3.500L22 20.500H2zM12 10v5M12 17.600v.4',
} as const;

export type Icon = keyof typeof PATHS;
const SOLID = new Set<Icon>(['play', 'pause']);

export function icon(name: Icon): SVGSVGElement {
  const [svg, path] = [document.createElementNS(SVG, 'svg'), document.createElementNS(SVG, 'path')];
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', 'jtp-icon');
  svg.appendChild(path);
  redraw(svg, name);
  return svg;
}

export function redraw(svg: SVGSVGElement, name: Icon): void {
  svg.firstElementChild?.setAttribute('d', PATHS[name]);
  svg.setAttribute('data-fill', SOLID.has(name) ? 'solid' : 'line');
}

/** Changes a text only when it is another one, so that screen readers are not told the same twice. */
export function write(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function attribute(node: Element, name: string, value: string): void {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** A button with a drawing; its name is read by screen readers and shown when pointed at. */
export function iconButton(name: Icon, label: string, testid: string, press: () => void): HTMLButtonElement {
  const button = element('button', { type: 'button', class: 'jtp-button', 'data-testid': testid }, icon(name));
  relabel(button, label);
  button.addEventListener('click', press);
  return button;
}

export function relabel(button: HTMLElement, label: string): void {
  attribute(button, 'aria-label', label);
  attribute(button, 'title', label);
}
