/** Sentences: timetable. */
export const timetableZh = {} as const;

export const timetableEn: Record<keyof typeof timetableZh, string> = {};
