/** Sentences: experts. */
export const expertsZh = {} as const;

export const expertsEn: Record<keyof typeof expertsZh, string> = {};
