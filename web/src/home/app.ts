import { element, write } from '../classroom/dom';
import { dateTime } from '../shared/format';
import { translate, type Locale, type Params } from '../shared/i18n/core';
import type { HlsEvent } from '../shared/hls';
import { Problem } from '../shared/problem';
import { Player } from './player';
import { visit, type Visit } from './server';
import { spread, tell, tellTrouble, type Told } from './telling';
import { WORDS, type Key } from './words';

/** The page: asks, says, plays; asks again when it was told to. It shows nothing but this lecture. */
export class App {
  private readonly title = element('h1');
  private readonly where = element('p', { 'class': 'where', 'data-testid': 'where' });
  private readonly when = element('p', { class: 'soft' });
  private readonly head = element('p', { 'class': 'head', 'data-testid': 'head' });
  private readonly digits = element('p', { 'class': 'digits', 'role': 'timer', 'data-testid': 'digits' });
  private readonly next = element('p', { 'class': 'next', 'data-testid': 'next' });
  private readonly player: Player;
  private told: Visit | null = null;
  private ahead = 0; // milliseconds by which the server's clock is ahead of ours
  private timer = 0;

  constructor(
    private readonly root: HTMLElement,
    private readonly locale: Locale,
    private readonly code: string,
  ) {
    this.player = new Player({ video: this.t('video'), play: this.t('play'), again: this.t('again') }, (event) => this.heard(event));
  }

  start(): void {
    const status = element('div', { class: 'status', role: 'status' }, this.head, this.digits, this.next);
    this.root.append(element('p', { class: 'name' }, this.t('name')), this.title, this.where, this.when, this.player.root, status, this.foot());
    document.title = this.t('name');
    this.say({ head: 'checking', next: 'checking.next', params: {}, digits: '', again: null });
    window.setInterval(() => this.tick(), 1000);
    document.addEventListener('visibilitychange', () => {
      if (!document.hidden) void this.ask();
    });
    void this.ask();
  }

  private t(key: Key, params?: Params): string {
    return translate(WORDS, this.locale, key, params);
  }

  private foot(): HTMLElement {
    const other = this.locale === 'en' ? 'zh-CN' : 'en';
    const link = element('a', { href: `?lang=${other}`, lang: other, class: 'language' }, this.t('language'));
    return element('footer', {}, element('p', {}, this.t('privacy')), link);
  }

  private async ask(): Promise<void> {
    clearTimeout(this.timer);
    try {
      this.take(await visit(this.code));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      this.refused(tellTrouble(error));
    }
  }

  private take(told: Visit): void {
    this.told = told;
    this.ahead = Date.parse(told.server_time) - Date.now();
    write(this.title, told.title);
    write(this.where, this.t('where', { school: told.school, class: told.class_name }));
    write(this.when, `${this.t('when', { time: dateTime(told.scheduled_at), minutes: told.minutes })} · ${this.t('lecturer', { name: told.lecturer })}`);
    if (told.watch === null) this.player.close();
    else this.player.show(told.watch);
    const said = tell(told, this.now());
    this.say(said);
    this.again(said);
  }

  /** What plays goes on while the server is out of reach; a link that is worth nothing any more ends it. */
  private refused(said: Told): void {
    if (said.again === null) this.player.close();
    if (said.again === null) this.told = null;
    this.say(said);
    this.again(said);
  }

  private again(said: Told): void {
    if (said.again !== null) this.timer = window.setTimeout(() => void this.ask(), spread(said.again, Math.random()));
  }

  private say(said: Told): void {
    this.root.dataset['state'] = said.head;
    write(this.head, this.t(said.head));
    write(this.digits, said.digits);
    write(this.next, this.t(said.next, said.params));
  }

  private tick(): void {
    if (this.told?.phase === 'before' && !['trouble', 'often', 'busy'].includes(this.root.dataset['state'] ?? '')) this.say(tell(this.told, this.now()));
  }

  private heard(event: HlsEvent): void {
    if (event.type === 'failed') this.say({ head: 'broken', next: 'broken.next', params: {}, digits: '', again: null });
    else if (event.type === 'gone' || event.type === 'ended' || event.type === 'refused') void this.ask();
  }

  private now(): number {
    return Date.now() + this.ahead;
  }
}
