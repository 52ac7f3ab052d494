/** Sentences: directory. */
export const directoryZh = {} as const;

export const directoryEn: Record<keyof typeof directoryZh, string> = {};
