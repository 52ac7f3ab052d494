import { drawing, element, write } from '../classroom/dom';
import { SHAPES } from '../classroom/shapes';
import { chime } from '../classroom/sound';
import { capability } from '../shared/capability';
import { translate, type Locale, type Params } from '../shared/i18n/core';
import { nameOfKind, nextOf, sentenceOf } from '../shared/i18n/line-words';
import { KINDS, verdictOf, type Kind, type Line } from '../shared/lines';
import * as judge from './judge';
import * as probes from './probes';
import { hand, newRun, pairedAs, type Handed } from './report';
import { WORDS, type Key } from './words';

type Mark = 'wait' | 'run' | Line['state'];

const MARKS: Readonly<Record<Mark, readonly string[]>> = {
  wait: ['M14 24h20'],
  run: SHAPES.ring,
  good: SHAPES.check,
  limited: SHAPES.warning,
  bad: SHAPES.stop,
  skipped: ['M14 24h20'],
};

/** The test page: eight lines that turn green, amber or red one after the other, then what they mean together. */
export class App {
  private readonly title = element('h1');
  private readonly rows = element('ol', { class: 'rows' });
  private readonly panel = element('section', { class: 'panel', 'aria-live': 'polite' });
  private readonly verdict = element('p', { class: 'verdict', 'data-testid': 'verdict' });
  private readonly next = element('p', { class: 'next' });
  private readonly handed = element('p', { class: 'handed', 'data-testid': 'handed' });
  private readonly buttons = element('div', { class: 'buttons' });
  private readonly found = new Map<Kind, Line>();
  private run = newRun();

  constructor(
    private readonly root: HTMLElement,
    private readonly locale: Locale,
    private readonly store: Storage | null,
  ) {}

  start(): void {
    document.title = this.t('title');
    write(this.title, this.t('title'));
    this.panel.append(element('div', { class: 'text' }, this.verdict, this.next, this.handed), this.buttons);
    this.root.append(this.title, this.rows, this.panel);
    void this.test();
  }

  private t(key: Key, params?: Params): string {
    return translate(WORDS, this.locale, key, params);
  }

  private button(key: Key, act: () => void, name = 'wide'): HTMLButtonElement {
    const made = element('button', { type: 'button', class: name, 'data-testid': key.replace('.', '-') }, this.t(key));
    made.addEventListener('click', act);
    return made;
  }

  private async test(): Promise<void> {
    this.run = newRun();
    this.found.clear();
    this.rows.textContent = '';
    for (const kind of KINDS) this.rows.append(this.row(kind, 'wait'));
    this.tell('running');
    const can = capability();
    await this.step('engine', () => judge.judgeEngine(can));
    await this.step('codecs', () => judge.judgeCodecs(probes.codecs()));
    const told = await this.reach();
    if (told === null) for (const kind of ['push', 'udp', 'bandwidth', 'clock'] as const) this.set(judge.untested(kind));
    else await this.behind(told);
    this.set(judge.untested('sound'));
    document.documentElement.dataset['state'] = 'done';
    await this.conclude('sound.ask');
  }

  private async reach(): Promise<probes.Told | null> {
    let told: probes.Told | null = null;
    await this.step('server', async () => {
      told = await probes.reach();
      return judge.judgeServer(told === null ? null : (told as probes.Told).roundTripMs);
    });
    return told;
  }

  /** What can be tested once the server is reached. */
  private async behind(told: probes.Told): Promise<void> {
    await this.step('push', async () => {
      const [polling, websocket] = await Promise.all([probes.polling(), probes.websocket()]);
      return judge.judgePush({ polling, websocket });
    });
    await this.step('udp', async () => judge.judgeUdp(await probes.udp()));
    await this.step('bandwidth', async () => {
      const down = await probes.download(told);
      return judge.judgeSpeed(down, down === null ? null : await probes.upload(told));
    });
    await this.step('clock', () => judge.judgeClock(told.mine, told.servers));
  }

  private async step(kind: Kind, measure: () => Line | Promise<Line>): Promise<void> {
    this.replace(kind, this.row(kind, 'run'));
    this.set(await measure());
  }

  private set(line: Line): void {
    this.found.set(line.kind, line);
    this.replace(line.kind, this.row(line.kind, line.state, sentenceOf(line, this.locale), nextOf(line, this.locale)));
  }

  private replace(kind: Kind, row: HTMLElement): void {
    const old = this.rows.children[KINDS.indexOf(kind)];
    if (old !== undefined) this.rows.replaceChild(row, old);
  }

  private row(kind: Kind, mark: Mark, sentence = '', next = ''): HTMLElement {
    const words = element('span', { class: 'words' }, element('span', { class: 'said' }, sentence));
    if (next !== '') words.append(element('span', { class: 'do' }, next));
    const state = element('span', { class: 'state' }, drawing(mark, ...MARKS[mark]), element('span', {}, this.t(`state.${mark}`)));
    const name = element('span', { class: 'name' }, nameOfKind(kind, this.locale));
    return element('li', { 'class': `row ${mark}`, 'data-kind': kind, 'data-state': mark }, name, words, state);
  }

  private get lines(): Line[] {
    return KINDS.map((kind) => this.found.get(kind) ?? judge.untested(kind));
  }

  private tell(key: Key, params?: Params): void {
    document.documentElement.dataset['state'] = 'running';
    this.panel.className = 'panel';
    write(this.verdict, this.t(key, params));
    write(this.next, '');
    write(this.handed, '');
    this.buttons.textContent = '';
  }

  /** Says what it all means, and hands it in. */
  private async conclude(ask: 'sound.ask' | null): Promise<void> {
    const verdict = verdictOf(this.lines);
    this.panel.className = `panel ${verdict}`;
    write(this.verdict, this.t(`verdict.${verdict}`));
    write(this.next, ask === null ? '' : this.t(ask));
    this.buttons.textContent = '';
    this.buttons.append(this.button('sound.play', () => this.play(), ask === null ? 'wide' : 'wide go'), this.button('again', () => void this.test()));
    write(this.handed, this.t('sending'));
    const run = this.run;
    const outcome: Handed = await hand(run, this.lines, pairedAs(this.store));
    if (run !== this.run) return;
    write(this.handed, this.t(outcome, outcome === 'sent' ? undefined : { code: judge.spoken(this.lines) }));
    document.documentElement.dataset['handed'] = outcome;
  }

  private play(): void {
    chime();
    write(this.next, this.t('sound.playing'));
    this.buttons.textContent = '';
    this.buttons.append(
      this.button('sound.heard', () => this.heard(true), 'wide go'),
      this.button('sound.not', () => this.heard(false)),
      this.button('sound.play', () => this.play()),
    );
  }

  private heard(heard: boolean): void {
    this.set(judge.judgeSound(heard));
    void this.conclude(null);
  }
}
