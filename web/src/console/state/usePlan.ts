import { computed, reactive, ref, shallowRef, watch, type ComputedRef, type Ref, type ShallowRef } from 'vue';
import { instant } from '../../shared/localTime';
import { plansApi, type Conflicts, type Counts, type Planned, type Tagged } from '../../shared/plans';
import type { Problem } from '../../shared/problem';
import { asProblem } from '../words';
import { blank, changesOf, differing, faults, formOf, merge, orderOf, sendsBack, type Faults, type Field, type Form } from './plan';
import { noticeExpiry, user } from './session';
import { useLoad, type Load } from './useLoad';

const TYPING_MS = 400;

/** What somebody else has saved while this plan was being changed. */
export interface Changed {
  readonly theirs: Form;
  readonly taken: readonly Field[];
  readonly both: readonly Field[];
}

export type Outcome = 'saved' | 'submitted' | 'wrong' | 'changed' | 'failed';

/** A plan that is being written, new or changed: what is typed, what is wrong with it, whom it would reach and what is in its way. */
export interface PlanDesk {
  readonly form: Form;
  readonly loading: Load<true>;
  readonly lecture: ShallowRef<Planned | null>;
  readonly changes: ComputedRef<Field[]>;
  /** Changed fields that will send it back to review. */
  readonly back: ComputedRef<Field[]>;
  readonly fixed: ComputedRef<boolean>;
  readonly faults: ComputedRef<Faults>;
  readonly busy: Ref<boolean>;
  readonly problem: ShallowRef<Problem | null>;
  readonly changed: ShallowRef<Changed | null>;
  readonly counts: Load<Counts | null>;
  readonly conflicts: Load<Conflicts | null>;
  /** The instant at which it begins, '' while that is not said. */
  readonly at: ComputedRef<string>;
  save(submits: boolean): Promise<Outcome>;
  giveUp(): void;
}

export function usePlan(id: string | null, day: string, time: string): PlanDesk {
  const form = reactive<Form>(blank(day, time));
  if (user.value?.role === 'lecturer') Object.assign(form, { lecturer_id: user.value.id, lecturer_name: user.value.name });
  const lecture = shallowRef<Planned | null>(null);
  const base = shallowRef<Form>({ ...form });
  const etag = ref('');
  const submits = ref(false);
  const busy = ref(false);
  const problem = shallowRef<Problem | null>(null);
  const changed = shallowRef<Changed | null>(null);
  const at = computed(() => instant(form.day, form.time));

  function keep(found: Tagged<Planned>): void {
    lecture.value = found.value;
    etag.value = found.etag;
  }
  async function latest(of: string): Promise<Form> {
    const [found, aimed] = await Promise.all([plansApi.read(of), plansApi.aimed(of)]);
    keep(found);
    return formOf(found.value, aimed);
  }
  const loading = useLoad<true>(async () => {
    if (id !== null) {
      base.value = await latest(id);
      Object.assign(form, base.value);
    }
    return true;
  });
  const changes = computed(() => differing(base.value, form));
  const back = computed(() => sendsBack(lecture.value?.review ?? 'draft', changes.value));
  const fixed = computed(() => lecture.value !== null && (lecture.value.state !== 'scheduled' || lecture.value.called_off_at !== null));

  const scope = computed(() => {
    const { audience, kinds, stages } = orderOf(form);
    return { audience, kinds, stages };
  });
  const slot = computed(() => ({
    ...scope.value,
    scheduled_at: at.value,
    minutes: form.minutes,
    lecturer_id: form.lecturer_id === '' ? null : form.lecturer_id,
    lecture_id: lecture.value?.id ?? null,
  }));
  const askable = computed(() => slot.value.audience.length > 0 && at.value !== '' && form.minutes >= 5 && form.minutes <= 240);
  const counts = useLoad(async () => (scope.value.audience.length === 0 ? null : plansApi.preview(scope.value)));
  const conflicts = useLoad(async () => (askable.value ? plansApi.conflicts(slot.value) : null));
  watchCalmly(() => JSON.stringify(scope.value), counts.load);
  watchCalmly(() => JSON.stringify(slot.value), conflicts.load);

  const wrong = computed<Faults>(() => faults(form, Date.now(), submits.value, lecture.value === null ? null : base.value));

  async function store(): Promise<Planned> {
    const order = lecture.value === null ? null : changesOf(base.value, form);
    if (order === null) keep(await plansApi.add(orderOf(form)));
    else if (Object.keys(order).length > 0) keep(await plansApi.change(lecture.value?.id ?? '', etag.value, order));
    base.value = { ...form };
    if (lecture.value === null) throw new Error('what was stored is there');
    return lecture.value;
  }
  async function join(of: string): Promise<void> {
    const theirs = await latest(of);
    const { form: joined, taken, both } = merge(base.value, { ...form }, theirs);
    base.value = theirs;
    Object.assign(form, joined);
    changed.value = { theirs, taken, both };
  }

  async function save(toReview: boolean): Promise<Outcome> {
    submits.value = toReview;
    if (Object.keys(wrong.value).length > 0) return 'wrong';
    busy.value = true;
    problem.value = null;
    try {
      const stored = await store();
      changed.value = null;
      if (!toReview) return 'saved';
      keep(await plansApi.submit(stored.id));
      return 'submitted';
    } catch (error) {
      const caught = asProblem(error);
      noticeExpiry(caught);
      if (caught.code === 'changed_meanwhile' && lecture.value !== null) {
        await join(lecture.value.id).catch((second: unknown) => (problem.value = asProblem(second)));
        return 'changed';
      }
      problem.value = caught;
      return 'failed';
    } finally {
      busy.value = false;
    }
  }
  function giveUp(): void {
    Object.assign(form, base.value);
    changed.value = null;
  }
  return { form, loading, lecture, changes, back, fixed, faults: wrong, busy, problem, changed, counts, conflicts, at, save, giveUp };
}

/** Acts when something has stayed the same for a moment. */
function watchCalmly(of: () => string, act: () => Promise<void>): void {
  watch(of, (_now, _before, onCleanup) => {
    const timer = setTimeout(() => void act(), TYPING_MS);
    onCleanup(() => clearTimeout(timer));
  });
}
