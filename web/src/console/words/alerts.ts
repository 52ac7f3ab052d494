/** Sentences: alerts. */
export const alertsZh = {} as const;

export const alertsEn: Record<keyof typeof alertsZh, string> = {};
