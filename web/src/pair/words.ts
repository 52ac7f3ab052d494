import type { Locale, Messages } from '../shared/i18n/core';

/** What the pairing page says, for eyes eight metres away: short, verb first. */
const zh = {
  'title': '连接班级屏幕',
  'asking': '正在取号',
  'code': '请学校管理员在管理台输入',
  'code.how': '管理台 → 班级屏幕 → 连接新屏幕，核对后选择班级',
  'code.left': '{time} 后自动换号',
  'sticker.open': '用教室贴纸上的编码',
  'sticker.title': '输入教室贴纸上的编码',
  'sticker.hint': '共 12 位，没有数字 0、1 和字母 O、I',
  'sticker.delete': '删除',
  'sticker.go': '连接',
  'sticker.back': '返回',
  'sticker.trying': '正在连接',
  'done': '已连接，正在进入课堂',
  'refused': '学校没有同意连接这块屏幕',
  'refused.next': '下一步：与学校管理员核对，再取一个新号',
  'again': '再取一个号',
  'wrong': '没有这个编码',
  'wrong.next': '原因：编码输错了，或贴纸已换新。下一步：看着贴纸重新输入，或请学校管理员用六位数连接',
  'often': '今天用贴纸连接的次数太多',
  'often.next': '下一步：请学校管理员用六位数连接',
  'offline': '连不上服务器',
  'offline.next': '原因：网络不通。下一步：检查网线或无线网络，会自动重试',
  'busy': '现在取号的屏幕太多',
  'busy.next': '会自动重试，请稍候',
} as const;

export type Key = keyof typeof zh;

const en: Messages<Key> = {
  'title': 'Connect this classroom screen',
  'asking': 'Getting a code',
  'code': 'The school administrator types this in the console',
  'code.how': 'Console → Screens → Connect a screen; compare, then choose the class',
  'code.left': 'A new code in {time}',
  'sticker.open': 'Use the code on the room’s sticker',
  'sticker.title': 'Type the code on the room’s sticker',
  'sticker.hint': '12 letters and digits; there is no 0, 1, O or I',
  'sticker.delete': 'Delete',
  'sticker.go': 'Connect',
  'sticker.back': 'Back',
  'sticker.trying': 'Connecting',
  'done': 'Connected. Entering the class screen',
  'refused': 'The school did not accept this screen',
  'refused.next': 'Next: ask the school administrator, then get a new code',
  'again': 'Get a new code',
  'wrong': 'There is no such code',
  'wrong.next': 'Why: a mistake in typing, or a newer sticker. Next: type it again, or connect with six digits',
  'often': 'The sticker was used too often today',
  'often.next': 'Next: ask the school administrator to connect with six digits',
  'offline': 'The server cannot be reached',
  'offline.next': 'Why: no network. Next: check the cable or the wireless network; it tries again by itself',
  'busy': 'Too many screens ask for a code right now',
  'busy.next': 'It tries again by itself; please wait',
};

export const WORDS: Readonly<Record<Locale, Messages<Key>>> = { 'zh-CN': zh, en };
