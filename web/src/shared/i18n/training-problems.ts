/** 原因 and 下一步 of trainings and of the codes that their venues show. */

export const trainingProblemsZh = {
  'problem.no_room.reason': '这场培训没有安排这个班级',
  'problem.no_room.next': '请换一个会场',
  'problem.no_teacher.reason': '有人不在本校教师名册上',
  'problem.no_teacher.next': '请刷新名册后再勾选',
  'problem.code_expired.reason': '这个二维码已经过期',
  'problem.code_expired.next': '请重新扫描会场屏幕上的二维码',
  'problem.pass_expired.reason': '停留太久，本次扫码已失效',
  'problem.pass_expired.next': '请重新扫描会场屏幕上的二维码',
  'problem.too_many_tries.reason': '输错次数太多',
  'problem.too_many_tries.next': '请重新扫描会场屏幕上的二维码，或请学校管理员在名册上勾选',
  'problem.no_such_teacher.reason': '工号和姓名对不上',
  'problem.no_such_teacher.next': '请核对后重新选择，或请学校管理员在名册上勾选',
} as const;

export const trainingProblemsEn: Record<keyof typeof trainingProblemsZh, string> = {
  'problem.no_room.reason': 'The training was not for this class',
  'problem.no_room.next': 'Choose another venue',
  'problem.no_teacher.reason': 'Somebody is not on the roster of this school',
  'problem.no_teacher.next': 'Load the roster again, then tick',
  'problem.code_expired.reason': 'This code is too old',
  'problem.code_expired.next': 'Scan the code on the venue’s screen again',
  'problem.pass_expired.reason': 'Too much time went by since the scan',
  'problem.pass_expired.next': 'Scan the code on the venue’s screen again',
  'problem.too_many_tries.reason': 'Too many wrong tries',
  'problem.too_many_tries.next': 'Scan the code again, or ask the school’s administrator to tick you',
  'problem.no_such_teacher.reason': 'Number and name do not belong together',
  'problem.no_such_teacher.next': 'Check and choose again, or ask the school’s administrator to tick you',
};
