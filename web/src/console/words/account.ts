/** Sentences: account. */
export const accountZh = {} as const;

export const accountEn: Record<keyof typeof accountZh, string> = {};
