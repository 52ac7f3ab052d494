import type { Locale, Messages } from '../shared/i18n/core';

/** What the connection test page says around its lines, for eyes eight metres away: short, verb first. */
const zh = {
  'title': '接入测试',
  'running': '正在测试，约需 15 秒',
  'state.wait': '等待',
  'state.run': '测试中',
  'state.good': '正常',
  'state.limited': '可用',
  'state.bad': '有问题',
  'state.skipped': '未测',
  'verdict.good': '这块屏幕可以上课',
  'verdict.limited': '可以上课，有几处可以更好',
  'verdict.bad': '还不能正常上课',
  'sound.ask': '点“播放声音”，听听有没有声音',
  'sound.play': '播放声音',
  'sound.playing': '听到声音了吗？',
  'sound.heard': '听到了',
  'sound.not': '没听到',
  'again': '再测一次',
  'sent': '结果已交给学校管理员',
  'sending': '正在交结果',
  'not_sent': '结果没有交上。报修请念编号 {code}',
  'unpaired': '这个浏览器没有连接为班级屏幕，结果不保存。报修请念编号 {code}',
} as const;

export type Key = keyof typeof zh;

const en: Messages<Key> = {
  'title': 'Connection test',
  'running': 'Testing; it takes about 15 seconds',
  'state.wait': 'Waiting',
  'state.run': 'Testing',
  'state.good': 'Good',
  'state.limited': 'Works',
  'state.bad': 'Trouble',
  'state.skipped': 'Not tested',
  'verdict.good': 'This screen is ready for lectures',
  'verdict.limited': 'Ready for lectures; some things could be better',
  'verdict.bad': 'Not ready for lectures yet',
  'sound.ask': 'Touch “Play a tone” and listen',
  'sound.play': 'Play a tone',
  'sound.playing': 'Did you hear it?',
  'sound.heard': 'Heard it',
  'sound.not': 'Heard nothing',
  'again': 'Test again',
  'sent': 'The school’s administrator has the result',
  'sending': 'Handing the result in',
  'not_sent': 'The result was not handed in. For the helpdesk: {code}',
  'unpaired': 'This browser is no paired class screen; nothing is kept. For the helpdesk: {code}',
};

export const WORDS: Readonly<Record<Locale, Messages<Key>>> = { 'zh-CN': zh, en };
