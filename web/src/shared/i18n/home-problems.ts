/** 原因 and 下一步 of links to parents' lectures. */

export const homeProblemsZh = {
  'problem.not_for_parents.reason': '这场讲座不是面向家长的',
  'problem.not_for_parents.next': '请选择对象为家长的讲座',
  'problem.home_over.reason': '讲座已经结束，补看时间也过了',
  'problem.home_over.next': '请选择下一场家长讲座',
  'problem.too_many_links.reason': '这个班换链接的次数太多',
  'problem.too_many_links.next': '请继续使用现在的链接，或联系州级管理员',
  'problem.no_class.reason': '这场讲座没有安排这个班级',
  'problem.no_class.next': '请刷新后重新选择',
} as const;

export const homeProblemsEn: Record<keyof typeof homeProblemsZh, string> = {
  'problem.not_for_parents.reason': 'This lecture is not for parents',
  'problem.not_for_parents.next': 'Choose a lecture whose audience is parents',
  'problem.home_over.reason': 'The lecture is over, and so is the time to watch it again',
  'problem.home_over.next': 'Choose the next lecture for parents',
  'problem.too_many_links.reason': 'This class had too many links',
  'problem.too_many_links.next': 'Keep the present one, or ask the prefecture’s administrator',
  'problem.no_class.reason': 'The lecture is not for this class',
  'problem.no_class.next': 'Load the page again and choose once more',
};
