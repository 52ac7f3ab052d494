import type { Locale, Messages } from '../shared/i18n/core';

/** What the page behind a venue's code says. */
const zh = {
  'title.in': '培训签到',
  'title.out': '培训签退',
  'checking': '正在核对二维码',
  'where': '{school} · {room}',
  'number': '请输入工号',
  'number.hint': '学校教师名册上的编号；不需要账号，也不留手机号',
  'next': '下一步',
  'back': '返回',
  'name': '请选择您的姓名',
  'none': '没有我的名字',
  'none.next': '请核对工号，或请学校管理员在名册上勾选',
  'done.in': '已签到',
  'done.out': '已签退',
  'done.at': '{name} · {time}',
  'done.in.next': '结束时请再扫一次屏幕上的二维码签退。可以关闭本页。',
  'done.out.next': '可以关闭本页。',
  'old': '这个二维码已经过期',
  'old.next': '请重新扫描会场屏幕上的二维码（每15秒更换一次）',
  'wrong': '这不是培训的二维码',
  'wrong.next': '请扫描会场屏幕上的二维码',
  'mismatch': '工号和姓名对不上，请重新选择',
  'often': '输错次数太多',
  'often.next': '请重新扫描二维码，或请学校管理员在名册上勾选',
  'trouble': '没有连上服务器',
  'trouble.next': '请检查网络后重新扫描二维码',
} as const;

export type Key = keyof typeof zh;

const en: Messages<Key> = {
  'title.in': 'Sign in to the training',
  'title.out': 'Sign out of the training',
  'checking': 'Checking the code',
  'where': '{school} · {room}',
  'number': 'Your work number',
  'number.hint': 'The one on the school’s roster; no account, no telephone number',
  'next': 'Next',
  'back': 'Back',
  'name': 'Choose your name',
  'none': 'My name is not here',
  'none.next': 'Check the number, or ask the school’s administrator to tick you on the roster',
  'done.in': 'Signed in',
  'done.out': 'Signed out',
  'done.at': '{name} · {time}',
  'done.in.next': 'Scan the code on the screen once more at the end to sign out. You may close this page.',
  'done.out.next': 'You may close this page.',
  'old': 'This code is too old',
  'old.next': 'Scan the code on the venue’s screen again; it changes every 15 seconds',
  'wrong': 'This is no code of a training',
  'wrong.next': 'Scan the code on the venue’s screen',
  'mismatch': 'Number and name do not belong together; choose again',
  'often': 'Too many wrong tries',
  'often.next': 'Scan the code again, or ask the school’s administrator to tick you on the roster',
  'trouble': 'The server was not reached',
  'trouble.next': 'Check the network and scan the code again',
};

export const WORDS: Readonly<Record<Locale, Messages<Key>>> = { 'zh-CN': zh, en };
