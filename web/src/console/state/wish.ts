import { ref } from 'vue';
import { ANY, type Wish } from './recordings';

/** The filters of the shelf: they stay as they are while a recording is opened and left again. */
export const wish = ref<Wish>({ ...ANY });
