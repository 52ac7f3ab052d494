/** What every page can say about a failed request: 原因 and 下一步 by the server's code. Spread these into a page's tables. */

import { alertProblemsEn, alertProblemsZh } from './alert-problems';
import { correctionProblemsEn, correctionProblemsZh } from './correction-problems';
import { deviceProblemsEn, deviceProblemsZh } from './device-problems';
import { formProblemsEn, formProblemsZh } from './form-problems';
import { presenceProblemsEn, presenceProblemsZh } from './presence-problems';
import { peopleProblemsEn, peopleProblemsZh } from './people-problems';
import { importProblemsEn, importProblemsZh } from './import-problems';
import { homeProblemsEn, homeProblemsZh } from './home-problems';
import { assessmentProblemsEn, assessmentProblemsZh } from './assessment-problems';
import { trainingProblemsEn, trainingProblemsZh } from './training-problems';

export const problemsZh = {
  ...alertProblemsZh,
  ...correctionProblemsZh,
  ...deviceProblemsZh,
  ...formProblemsZh,
  ...peopleProblemsZh,
  ...presenceProblemsZh,
  ...importProblemsZh,
  ...homeProblemsZh,
  ...trainingProblemsZh,
  ...assessmentProblemsZh,
  'problem.offline.reason': '连不上服务器',
  'problem.offline.next': '请检查网络，恢复后会自动重试',
  'problem.timeout.reason': '服务器没有及时回应',
  'problem.timeout.next': '请稍后重试；多次出现请检查网络',
  'problem.wrong_password.reason': '账号或密码不对',
  'problem.wrong_password.next': '请核对后重新输入，忘记密码请联系州级管理员',
  'problem.not_logged_in.reason': '尚未登录，或登录已过期',
  'problem.not_logged_in.next': '请重新登录',
  'problem.forbidden.reason': '您的账号没有这项权限',
  'problem.forbidden.next': '请换用有权限的账号，或联系州级管理员',
  'problem.not_found.reason': '找不到这一项，可能已被删除',
  'problem.not_found.next': '请核对链接，或回到列表重新选择',
  'problem.illegal_transition.reason': '讲座当前的状态不允许这样做',
  'problem.illegal_transition.next': '页面已更新为最新状态，请查看后再操作',
  'problem.not_approved.reason': '讲座内容还没有通过审核',
  'problem.not_approved.next': '请联系州级管理员审核，通过后即可开播',
  'problem.too_many_requests.reason': '操作太频繁',
  'problem.too_many_requests.next': '请等一会儿再试',
  'problem.busy.reason': '服务器正忙',
  'problem.busy.next': '系统会自动重试，请稍候',
  'problem.not_available.reason': '这台服务器还没有提供该功能',
  'problem.not_available.next': '如需使用，请联系州级管理员',
  'problem.bad_invitation.reason': '邀请链接无效或已过期',
  'problem.bad_invitation.next': '请向州级管理员索取新的链接，或用账号登录',
  'problem.ended.reason': '讲座已经结束',
  'problem.ended.next': '无需再操作，录像在网络课堂中',
  'problem.cut.reason': '讲座已被停播',
  'problem.cut.next': '请联系州级管理员，恢复后会自动重新接入',
  'problem.not_ready.reason': '录像还没有整理好',
  'problem.not_ready.next': '请等几秒再试',
  'problem.not_released.reason': '这段录像还没有通过审核',
  'problem.not_released.next': '请联系州级管理员，通过后就能看',
  'problem.recording_space.reason': '磁盘空间不够录完这场讲座',
  'problem.recording_space.next': '请先清理磁盘，或确认不完整录制后再开始',
  'problem.no_such_code.reason': '没有屏幕显示这个号码',
  'problem.no_such_code.next': '请看着屏幕重新输入；号码每 10 分钟换一次',
  'problem.too_many_attempts.reason': '输错的次数太多',
  'problem.too_many_attempts.next': '请等一分钟再试',
  'problem.pairing_over.reason': '这个号码已经用过或过期',
  'problem.pairing_over.next': '请在屏幕上取一个新号',
  'problem.changed_meanwhile.reason': '别人刚刚改过这一项',
  'problem.changed_meanwhile.next': '请查看最新内容后再修改',
  'problem.other.reason': '服务器拒绝了这次操作（{code}）',
  'problem.other.next': '请重试；仍不行请把这行文字告诉技术人员',
} as const;

export type ProblemKey = keyof typeof problemsZh;

export const problemsEn: Record<ProblemKey, string> = {
  ...alertProblemsEn,
  ...correctionProblemsEn,
  ...deviceProblemsEn,
  ...formProblemsEn,
  ...peopleProblemsEn,
  ...presenceProblemsEn,
  ...importProblemsEn,
  ...homeProblemsEn,
  ...trainingProblemsEn,
  ...assessmentProblemsEn,
  'problem.offline.reason': 'The server cannot be reached',
  'problem.offline.next': 'Check the network; the page tries again by itself',
  'problem.timeout.reason': 'The server did not answer in time',
  'problem.timeout.next': 'Try again in a moment; if it keeps happening, check the network',
  'problem.wrong_password.reason': 'The account or the password is wrong',
  'problem.wrong_password.next': 'Check both and try again, or ask the prefecture administrator',
  'problem.not_logged_in.reason': 'You are not logged in, or the login has expired',
  'problem.not_logged_in.next': 'Log in again',
  'problem.forbidden.reason': 'Your account may not do this',
  'problem.forbidden.next': 'Use another account, or ask the prefecture administrator',
  'problem.not_found.reason': 'This item does not exist or has been deleted',
  'problem.not_found.next': 'Check the link, or choose again from the list',
  'problem.illegal_transition.reason': 'The lecture is not in a state that allows this',
  'problem.illegal_transition.next': 'The page now shows the latest state; look and try again',
  'problem.not_approved.reason': 'The content of the lecture has not been approved',
  'problem.not_approved.next': 'Ask the prefecture administrator to approve it',
  'problem.too_many_requests.reason': 'Too many attempts',
  'problem.too_many_requests.next': 'Wait a moment, then try again',
  'problem.busy.reason': 'The server is busy',
  'problem.busy.next': 'The page tries again by itself; please wait',
  'problem.not_available.reason': 'This server does not offer this yet',
  'problem.not_available.next': 'Ask the prefecture administrator if you need it',
  'problem.bad_invitation.reason': 'The invitation is not valid or has expired',
  'problem.bad_invitation.next': 'Ask the prefecture administrator for a new link, or log in with your account',
  'problem.ended.reason': 'The lecture is over',
  'problem.ended.next': 'Nothing more to do; the recording is in the library',
  'problem.cut.reason': 'The lecture has been stopped',
  'problem.cut.next': 'Contact the prefecture administrator; once resumed, the page reconnects by itself',
  'problem.not_ready.reason': 'The recording is not finished yet',
  'problem.not_ready.next': 'Wait a few seconds, then try again',
  'problem.not_released.reason': 'The recording has not been approved yet',
  'problem.not_released.next': 'Ask the prefecture administrator; it plays once it is approved',
  'problem.recording_space.reason': 'There is not enough disk space to record all of this lecture',
  'problem.recording_space.next': 'Clear the disk first, or start knowing that the recording will not be complete',
  'problem.no_such_code.reason': 'No screen shows this code',
  'problem.no_such_code.next': 'Read it from the screen again; it changes every ten minutes',
  'problem.too_many_attempts.reason': 'Too many wrong attempts',
  'problem.too_many_attempts.next': 'Wait a minute, then try again',
  'problem.pairing_over.reason': 'This code was used already or is too old',
  'problem.pairing_over.next': 'Get a new code on the screen',
  'problem.changed_meanwhile.reason': 'Somebody has just changed this',
  'problem.changed_meanwhile.next': 'Look at the latest version, then change it',
  'problem.other.reason': 'The server refused ({code})',
  'problem.other.next': 'Try again; if it persists, tell the technician this line',
};

export interface Explanation {
  reason: string;
  next: string;
}

type Say = (key: ProblemKey, params?: Readonly<Record<string, string | number>>) => string;

/** The two sentences for a code; codes without their own sentences are named, so that they can be read out. */
export function explain(code: string, t: Say): Explanation {
  const known = `problem.${code}.reason` in problemsZh ? code : 'other';
  return {
    reason: t(`problem.${known}.reason` as ProblemKey, { code }),
    next: t(`problem.${known}.next` as ProblemKey, { code }),
  };
}
