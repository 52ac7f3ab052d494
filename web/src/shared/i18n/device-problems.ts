/** 原因 and 下一步 of what the server answers to screens, for whoever reads its codes: the class screen itself shows its E-codes. */

export const deviceProblemsZh = {
  'problem.bad_device.reason': '这块屏幕的配对已失效',
  'problem.bad_device.next': '请用教室贴纸或六位数重新连接',
  'problem.proof_needed.reason': '请求没有带这块屏幕的密钥签名',
  'problem.proof_needed.next': '请在教室的浏览器里打开；密钥已丢失的，请用教室贴纸重新连接',
  'problem.bad_proof.reason': '密钥签名不是这块屏幕的，或已用过',
  'problem.bad_proof.next': '请用教室贴纸重新连接',
  'problem.use_dpop_nonce.reason': '签名所用的随机数已过期',
  'problem.use_dpop_nonce.next': '会自动重试，请稍候',
  'problem.no_such_sticker.reason': '没有这个贴纸编码',
  'problem.no_such_sticker.next': '请看着贴纸重新输入，或用六位数连接',
  'problem.repaired_too_often.reason': '今天用贴纸连接的次数太多',
  'problem.repaired_too_often.next': '请学校管理员用六位数连接',
  'problem.too_many_pairings.reason': '现在取号的屏幕太多',
  'problem.too_many_pairings.next': '会自动重试，请稍候',
} as const;

export const deviceProblemsEn: Record<keyof typeof deviceProblemsZh, string> = {
  'problem.bad_device.reason': 'The pairing of this screen is no longer valid',
  'problem.bad_device.next': 'Pair it again by the room’s sticker or six digits',
  'problem.proof_needed.reason': 'The request is not signed with the key of this screen',
  'problem.proof_needed.next': 'Open it in the browser of the room; if its key is lost, pair it again by the sticker',
  'problem.bad_proof.reason': 'The signature is not that of this screen, or was used before',
  'problem.bad_proof.next': 'Pair it again by the room’s sticker',
  'problem.use_dpop_nonce.reason': 'The number that was signed is too old',
  'problem.use_dpop_nonce.next': 'It tries again by itself; please wait',
  'problem.no_such_sticker.reason': 'There is no such sticker',
  'problem.no_such_sticker.next': 'Type it again, or connect with six digits',
  'problem.repaired_too_often.reason': 'The sticker was used too often today',
  'problem.repaired_too_often.next': 'Ask the school’s administrator to connect with six digits',
  'problem.too_many_pairings.reason': 'Too many screens ask for a code right now',
  'problem.too_many_pairings.next': 'It tries again by itself; please wait',
};
