/** What can go wrong with a head-count. */
export const presenceProblemsZh = {
  'problem.too_early.reason': '讲座刚开始，还不能确认人数',
  'problem.too_early.next': '请在开始 5 分钟后再确认',
  'problem.headcount_over.reason': '这场讲座确认人数的时间已过',
  'problem.headcount_over.next': '请为这个班申请更正，由另一位管理员审批',
  'problem.impossible_count.reason': '实到人数多于应到加来宾',
  'problem.impossible_count.next': '请改少实到，或填写来宾人数',
} as const;

export const presenceProblemsEn: Record<keyof typeof presenceProblemsZh, string> = {
  'problem.too_early.reason': 'The lecture has only just begun',
  'problem.too_early.next': 'Confirm from five minutes after its start',
  'problem.headcount_over.reason': 'The time for this head-count is over',
  'problem.headcount_over.next': 'Ask for a correction of this class; another administrator decides',
  'problem.impossible_count.reason': 'More people than expected and guests',
  'problem.impossible_count.next': 'Lower the number, or fill in the guests',
};
