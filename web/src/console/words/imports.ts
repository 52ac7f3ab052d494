/** Sentences: imports. */
export const importsZh = {} as const;

export const importsEn: Record<keyof typeof importsZh, string> = {};
