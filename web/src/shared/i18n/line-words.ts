import { KINDS, paramsOf, type Line } from '../lines';
import { fill, type Locale } from './core';

/** A sentence for every outcome of the connection test, and what to do next: for the test page and for the console. */
const zh = {
  'engine': '浏览器',
  'engine.t1': '第一档，可看实时画面（{detail}）',
  'engine.t2': '第二档，走备用线路，晚约 2 秒（{detail}）',
  'engine.t2.next': '可以收看；建议换用 Chrome、Edge，或 360 的“极速模式”',
  'engine.t3': '第三档，放不了直播（{detail}）',
  'engine.t3.next': '请用 Chrome、Edge，或 360 的“极速模式”打开',
  'engine.plain_http': '第一档（{detail}），但网址是 HTTP，没有加密',
  'engine.plain_http.next': '可以收看；请改用 HTTPS 网址，才能保管密钥、保持亮屏',
  'codecs': '画面和声音格式',
  'codecs.all': 'H.264、AAC、Opus 都能播放',
  'codecs.no_webrtc': '实时画面放不了 H.264，备用线路可以',
  'codecs.no_webrtc.next': '可以收看，画面晚约 2 秒；建议换用 Chrome 或 Edge',
  'codecs.no_hls': '实时画面可以，备用线路放不了',
  'codecs.no_hls.next': 'UDP 不通时会没有画面；建议换用 Chrome 或 Edge',
  'codecs.none': '放不了 H.264 画面',
  'codecs.none.next': '请换用 Chrome 或 Edge',
  'server': '连接服务器',
  'server.reached': '已连上，往返 {value} 毫秒',
  'server.slow': '连得上，但是慢：往返 {value} 毫秒',
  'server.slow.next': '请网络管理员检查学校出口是否拥堵',
  'server.unreachable': '连不上服务器',
  'server.unreachable.next': '请检查网线或无线网络，以及防火墙是否放行这个网址',
  'push': '即时通知',
  'push.websocket': 'WebSocket 已通',
  'push.polling': 'WebSocket 被阻断，改用长轮询',
  'push.polling.next': '可以使用；请网络管理员放行 WebSocket',
  'push.none': '通知通道不通',
  'push.none.next': '可以收看，停播和恢复会慢几秒；请网络管理员放行 /socket.io',
  'udp': '实时画面（UDP）',
  'udp.connected': 'UDP 已通，往返 {value} 毫秒',
  'udp.blocked': 'UDP 被阻断：仍可观看，延迟约 2 秒',
  'udp.blocked.next': '请联系学校网络管理员，放行服务器的 UDP {detail} 端口',
  'udp.no_webrtc': '浏览器放不了实时画面：仍可观看，延迟约 2 秒',
  'udp.no_webrtc.next': '建议换用 Chrome 或 Edge',
  'bandwidth': '网速',
  'bandwidth.fast': '下载 {value} Mbps，上传 {detail} Mbps',
  'bandwidth.modest': '下载只有 {value} Mbps，画面可能变模糊',
  'bandwidth.modest.next': '直播时请不要下载或看其他视频；请网络管理员检查带宽',
  'bandwidth.slow': '下载只有 {value} Mbps，不够看直播',
  'bandwidth.slow.next': '一块屏幕需要 2 Mbps；请网络管理员检查带宽',
  'clock': '本机时钟',
  'clock.right': '准确',
  'clock.ahead': '快了 {value} 分钟',
  'clock.ahead.next': '可以收看；请在系统设置中校准时间',
  'clock.behind': '慢了 {value} 分钟',
  'clock.behind.next': '可以收看；请在系统设置中校准时间',
  'clock.wrong_year': '年份错了：本机是 {detail} 年',
  'clock.wrong_year.next': '请校准日期和时间；年份错了，HTTPS 网页会打不开',
  'sound': '声音',
  'sound.heard': '听到了测试音',
  'sound.not_heard': '没有听到测试音',
  'sound.not_heard.next': '请检查音量、静音键和音箱电源，再点“播放声音”',
  'sound.unanswered': '还没有试听',
  'untested': '这一项没有测成，请稍后再测',
  'other': '结果 {code}',
} as const;

export type LineWord = keyof typeof zh;

const en: Readonly<Record<LineWord, string>> = {
  'engine': 'Browser',
  'engine.t1': 'Tier 1, live picture ({detail})',
  'engine.t2': 'Tier 2, by the backup line, about 2 s late ({detail})',
  'engine.t2.next': 'It works; Chrome or Edge would be better',
  'engine.t3': 'Tier 3, cannot play the lecture ({detail})',
  'engine.t3.next': 'Please open it with Chrome or Edge',
  'engine.plain_http': 'Tier 1 ({detail}), but the address is http, not encrypted',
  'engine.plain_http.next': 'It works; an address with https lets it keep its key and stay awake',
  'codecs': 'Formats',
  'codecs.all': 'H.264, AAC and Opus can be played',
  'codecs.no_webrtc': 'No H.264 for the live picture; the backup line has it',
  'codecs.no_webrtc.next': 'It works about 2 s late; Chrome or Edge would be better',
  'codecs.no_hls': 'The live picture works, the backup line does not',
  'codecs.no_hls.next': 'Without UDP there would be no picture; Chrome or Edge would be better',
  'codecs.none': 'H.264 pictures cannot be played',
  'codecs.none.next': 'Please use Chrome or Edge',
  'server': 'Way to the server',
  'server.reached': 'Reached, {value} ms there and back',
  'server.slow': 'Reached, but slowly: {value} ms there and back',
  'server.slow.next': "Ask the network's administrator whether the school's line is full",
  'server.unreachable': 'The server cannot be reached',
  'server.unreachable.next': 'Check the cable or wireless network, and whether the firewall lets this address through',
  'push': 'Instant news',
  'push.websocket': 'WebSocket gets through',
  'push.polling': 'WebSocket is blocked, long polling works',
  'push.polling.next': "It works; ask the network's administrator to let WebSocket through",
  'push.none': 'No news gets through',
  'push.none.next': 'It works, some seconds later; ask the network’s administrator to let /socket.io through',
  'udp': 'Live picture (UDP)',
  'udp.connected': 'UDP gets through, {value} ms there and back',
  'udp.blocked': 'UDP is blocked: it works all the same, about 2 s late',
  'udp.blocked.next': "Ask the network's administrator to let the server's UDP port {detail} through",
  'udp.no_webrtc': 'No live picture in this browser: it works all the same, about 2 s late',
  'udp.no_webrtc.next': 'Chrome or Edge would be better',
  'bandwidth': 'Speed',
  'bandwidth.fast': '{value} Mbit/s down, {detail} Mbit/s up',
  'bandwidth.modest': 'Only {value} Mbit/s down: the picture may be coarse',
  'bandwidth.modest.next': 'Load nothing else during a lecture; ask the network’s administrator to check the line',
  'bandwidth.slow': 'Only {value} Mbit/s down: too little for a lecture',
  'bandwidth.slow.next': 'A screen needs 2 Mbit/s; ask the network’s administrator to check the line',
  'clock': 'Clock',
  'clock.right': 'Right',
  'clock.ahead': '{value} minutes ahead',
  'clock.ahead.next': 'It works; set the time in the system’s settings',
  'clock.behind': '{value} minutes behind',
  'clock.behind.next': 'It works; set the time in the system’s settings',
  'clock.wrong_year': 'Wrong year: this machine says {detail}',
  'clock.wrong_year.next': 'Set date and time; with a wrong year https pages do not open',
  'sound': 'Sound',
  'sound.heard': 'The test tone was heard',
  'sound.not_heard': 'The test tone was not heard',
  'sound.not_heard.next': 'Check volume, mute key and loudspeakers, then play it again',
  'sound.unanswered': 'Not listened to yet',
  'untested': 'Not tested this time; please try again later',
  'other': 'Result {code}',
};

const TABLES: Readonly<Record<Locale, Readonly<Record<string, string | undefined>>>> = { 'zh-CN': zh, en };

export function nameOfKind(kind: Line['kind'], locale: Locale): string {
  return TABLES[locale][kind] ?? kind;
}

/** What came out; a code that a newer page knows is told as it is. */
export function sentenceOf(line: Line, locale: Locale): string {
  const words = TABLES[locale];
  const known = line.code === 'untested' ? words['untested'] : words[`${line.kind}.${line.code}`];
  return known === undefined ? fill(words['other'] ?? '', { code: line.code }) : fill(known, paramsOf(line));
}

/** What to do next; empty where nothing has to be done. */
export function nextOf(line: Line, locale: Locale): string {
  return fill(TABLES[locale][`${line.kind}.${line.code}.next`] ?? '', paramsOf(line));
}

export const LINE_WORDS = { 'zh-CN': zh, en, kinds: KINDS } as const;
