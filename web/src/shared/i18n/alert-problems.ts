/** 原因 and 下一步 of duty, alarms and channels. */

export const alertProblemsZh = {
  'problem.acknowledged_already.reason': '已经有人在处理这条提醒',
  'problem.acknowledged_already.next': '页面已更新，可以看到是谁在处理',
  'problem.unknown_person.reason': '所选人员中有人不能值守这场讲座',
  'problem.unknown_person.next': '请从列表中选择运维人员、州级管理员或相关县的管理员',
  'problem.too_many_channels.reason': '通知渠道已达上限',
  'problem.too_many_channels.next': '请先删除不用的渠道',
  'problem.bad_target.reason': '目标地址的写法不对',
  'problem.bad_target.next': '机器人和 Webhook 请填 HTTPS 地址，邮件请填邮箱，多个邮箱用逗号隔开',
  'problem.no_secret.reason': '这种渠道需要密钥',
  'problem.no_secret.next': '请填机器人“加签”一栏的密钥，或双方约定的签名密钥',
  'problem.channel_busy.reason': '这个渠道一分钟内已发了很多条',
  'problem.channel_busy.next': '请过一分钟再试',
} as const;

export const alertProblemsEn: Record<keyof typeof alertProblemsZh, string> = {
  'problem.acknowledged_already.reason': 'Somebody takes care of this already',
  'problem.acknowledged_already.next': 'The page now shows who it is',
  'problem.unknown_person.reason': 'Somebody you chose cannot be on duty for this lecture',
  'problem.unknown_person.next': 'Choose operators, administrators of the prefecture or of a county concerned',
  'problem.too_many_channels.reason': 'There are as many channels as there may be',
  'problem.too_many_channels.next': 'Delete one that is not used',
  'problem.bad_target.reason': 'The target is not written as it should be',
  'problem.bad_target.next': 'Give an https address for robots and webhooks, mail addresses with commas between them for mail',
  'problem.no_secret.reason': 'This kind of channel needs a secret',
  'problem.no_secret.next': 'Give the signing secret of the robot, or one that both sides have agreed on',
  'problem.channel_busy.reason': 'This channel has sent many messages within a minute',
  'problem.channel_busy.next': 'Try again in a minute',
};
