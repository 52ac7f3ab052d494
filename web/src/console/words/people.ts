/** Sentences: people. */
export const peopleZh = {} as const;

export const peopleEn: Record<keyof typeof peopleZh, string> = {};
