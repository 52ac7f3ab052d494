/** How far the class of a screen has come with making up a lecture. */
export interface MakeUp {
  due: boolean;
  /** It was made up; the head-count is taken now. */
  done: boolean;
  seen_minutes: number;
  needed_minutes: number;
  on_air_minutes: number;
  /** Where in the recording the first minute lies that was not seen yet. */
  unseen_s: number | null;
  until: string | null;
  speed: number;
}
