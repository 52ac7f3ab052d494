/** Kinds of schools (the first two digits of a school's code) and of places (城乡分类代码). */
export const kindsZh = {
  'kind.11': '幼儿园',
  'kind.21': '小学',
  'kind.22': '成人小学',
  'kind.31': '初级中学',
  'kind.32': '职业初中',
  'kind.33': '成人初中',
  'kind.34': '高级中学',
  'kind.35': '成人高中',
  'kind.36': '中等职业学校',
  'kind.37': '工读学校',
  'kind.41': '普通高等学校',
  'kind.42': '成人高等学校',
  'kind.51': '特殊教育学校',
  'urban.111': '主城区',
  'urban.112': '城乡结合区',
  'urban.121': '镇中心区',
  'urban.122': '镇乡结合区',
  'urban.123': '特殊区域',
  'urban.210': '乡中心区',
  'urban.220': '村庄',
} as const;

export const kindsEn: Record<keyof typeof kindsZh, string> = {
  'kind.11': 'Kindergarten',
  'kind.21': 'Primary school',
  'kind.22': 'Primary school for adults',
  'kind.31': 'Junior secondary',
  'kind.32': 'Vocational junior school',
  'kind.33': 'Junior school for adults',
  'kind.34': 'Senior secondary',
  'kind.35': 'Senior school for adults',
  'kind.36': 'Vocational',
  'kind.37': 'Reform school',
  'kind.41': 'University or college',
  'kind.42': 'College for adults',
  'kind.51': 'Special school',
  'urban.111': 'City',
  'urban.112': 'Edge of a city',
  'urban.121': 'Town',
  'urban.122': 'Edge of a town',
  'urban.123': 'Special area',
  'urban.210': 'Township',
  'urban.220': 'Village',
};

export const KINDS = ['11', '21', '22', '31', '32', '33', '34', '35', '36', '37', '41', '42', '51'] as const;
export const URBAN = ['111', '112', '121', '122', '123', '210', '220'] as const;
