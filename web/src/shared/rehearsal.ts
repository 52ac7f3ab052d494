/** A rehearsal is a broadcast with an id of its own; pages treat it as a lecture at another address of the API. */
export const isRehearsal = (id: string): boolean => id.startsWith('rehearsal-');
