import { translate, type Locale, type Messages, type Params } from '../i18n/core';

/** What the player says. Every trouble has 原因 and 下一步. */
const zh = {
  player: '播放器：{title}',
  play: '播放',
  pause: '暂停',
  replay: '再看一遍',
  back: '后退 10 秒',
  forward: '前进 10 秒',
  timeline: '播放进度',
  'timeline.value': '{at}，共 {total}',
  'timeline.behind': '{at}，落后直播 {behind}',
  chapters: '章节',
  'chapter.first': '开始',
  'chapter.part': '第{number}段',
  speed: '倍速',
  mute: '静音',
  unmute: '打开声音',
  volume: '音量',
  'sound.blocked': '浏览器不让出声，点此打开声音',
  'full.enter': '全屏',
  'full.leave': '退出全屏',
  'live.now': '直播',
  'live.behind': '落后 {behind}',
  'live.return': '回到直播',
  'resume.title': '上次看到 {at}',
  'resume.go': '从 {at} 继续',
  'resume.start': '从头看',
  close: '关闭',
  'made.progress': '补看进度 {seen}/{needed} 分钟',
  'made.held': '先看完前面的内容，再往后看 · {seen}/{needed} 分钟',
  'made.done': '补看已达标（{seen} 分钟），请返回后点“确认人数”',
  loading: '正在打开',
  stalled: '正在缓冲',
  'trouble.reason': '原因',
  'trouble.next': '下一步',
  'trouble.retry': '重试',
  'network.reason': '连不上服务器，视频断了',
  'network.next': '请检查网络，然后点“重试”，会从断开的地方接着放',
  'login.reason': '观看凭证已过期',
  'login.next': '请点“重试”；仍不行请重新登录或重新打开页面',
  'refused.reason': '这段录像没有向您开放，或还没有通过审核',
  'refused.next': '请联系州级管理员，审核通过后就能看',
  'missing.reason': '找不到这段录像，可能已被清理',
  'missing.next': '请回到列表重新选择',
  'later.reason': '服务器还没有准备好这段视频',
  'later.next': '请等几秒再点“重试”',
  'media.reason': '这个浏览器放不了这段视频',
  'media.next': '请换用 Chrome 或 Edge；360 浏览器请切换到“极速模式”',
  'gone.reason': '直播已被停止',
  'gone.next': '请等待通知；恢复后点“重试”',
} as const;

export type Word = keyof typeof zh;

const en: Messages<Word> = {
  player: 'Player: {title}',
  play: 'Play',
  pause: 'Pause',
  replay: 'Watch again',
  back: 'Back 10 s',
  forward: 'Forward 10 s',
  timeline: 'Position',
  'timeline.value': '{at} of {total}',
  'timeline.behind': '{at}, {behind} behind live',
  chapters: 'Chapters',
  'chapter.first': 'Start',
  'chapter.part': 'Part {number}',
  speed: 'Speed',
  mute: 'Mute',
  unmute: 'Sound on',
  volume: 'Volume',
  'sound.blocked': 'The browser blocks the sound; press here to turn it on',
  'full.enter': 'Full screen',
  'full.leave': 'Leave full screen',
  'live.now': 'Live',
  'live.behind': '{behind} behind',
  'live.return': 'Back to live',
  'resume.title': 'You stopped at {at}',
  'resume.go': 'Continue at {at}',
  'resume.start': 'From the start',
  close: 'Close',
  'made.progress': 'Made up {seen} of {needed} min',
  'made.held': 'First watch what comes before · {seen} of {needed} min',
  'made.done': 'Made up ({seen} min): go back and confirm the head-count',
  loading: 'Opening',
  stalled: 'Buffering',
  'trouble.reason': 'Reason',
  'trouble.next': 'Next step',
  'trouble.retry': 'Try again',
  'network.reason': 'The server cannot be reached; the picture broke off',
  'network.next': 'Check the network, then try again; it goes on from where it stopped',
  'login.reason': 'The permission to watch has expired',
  'login.next': 'Try again; if that fails, log in or open the page again',
  'refused.reason': 'This recording is not open to you, or has not been approved yet',
  'refused.next': 'Ask the prefecture administrator; it plays once it is approved',
  'missing.reason': 'This recording does not exist; it may have been cleared away',
  'missing.next': 'Go back to the list and choose again',
  'later.reason': 'The server has not prepared this video yet',
  'later.next': 'Wait a few seconds, then try again',
  'media.reason': 'This browser cannot play the video',
  'media.next': 'Use Chrome or Edge',
  'gone.reason': 'The broadcast was stopped',
  'gone.next': 'Wait for word; once it is resumed, try again',
};

export const WORDS: Readonly<Record<Locale, Messages<Word>>> = { 'zh-CN': zh, en };

export type Trouble = 'network' | 'login' | 'refused' | 'missing' | 'later' | 'media' | 'gone';
export type Say = (word: Word, params?: Params) => string;

export const speaker =
  (locale: Locale): Say =>
  (word, params) =>
    translate(WORDS, locale, word, params);

/** The trouble behind a status that refused the playlist or a piece of it. */
export function troubleOf(status: number): Trouble {
  if (status === 401) return 'login';
  if (status === 403) return 'refused';
  if (status === 404) return 'missing';
  if (status === 410) return 'gone';
  return status === 503 ? 'later' : 'network';
}
