/** The light build has the types of the whole one, which its package does not say. */
declare module 'hls.js/light' {
  export * from 'hls.js';
  export { default } from 'hls.js';
}
