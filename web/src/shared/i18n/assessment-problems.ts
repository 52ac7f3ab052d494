/** 原因 and 下一步 of assessments that schools enter. */

export const assessmentProblemsZh = {
  'problem.not_held_yet.reason': '考核日期还没有到',
  'problem.not_held_yet.next': '请在考核之后填报，或改正日期',
  'problem.outside_term.reason': '这一天不在学期内',
  'problem.outside_term.next': '请改正日期，或请县级核对学期起止日期',
  'problem.no_class.reason': '有的班级不属于这所学校',
  'problem.no_class.next': '请刷新后重新填报',
  'problem.no_size.reason': '有的班级没有报班额',
  'problem.no_size.next': '请先在学校页面填写班额',
  'problem.too_many.reason': '参加人数多于班额',
  'problem.too_many.next': '请核对人数；班额有变请先在学校页面修改',
  'problem.too_many_passed.reason': '及格人数多于参加人数',
  'problem.too_many_passed.next': '请核对人数',
} as const;

export const assessmentProblemsEn: Record<keyof typeof assessmentProblemsZh, string> = {
  'problem.not_held_yet.reason': 'The day of the assessment has not come yet',
  'problem.not_held_yet.next': 'Enter it when it was held, or correct the day',
  'problem.outside_term.reason': 'This day lies in no term',
  'problem.outside_term.next': 'Correct the day, or ask the county unit about the days of the term',
  'problem.no_class.reason': 'A class is not of this school',
  'problem.no_class.next': 'Load the page again, then enter',
  'problem.no_size.reason': 'A class has no size yet',
  'problem.no_size.next': 'Fill it in on the page of the school first',
  'problem.too_many.reason': 'More took part than the class has pupils',
  'problem.too_many.next': 'Check the number; if the class has grown, change its size on the page of the school first',
  'problem.too_many_passed.reason': 'More passed than took part',
  'problem.too_many_passed.next': 'Check the numbers',
};
