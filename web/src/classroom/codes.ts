/**
 * The codes that are read out on the telephone. 1x: this screen's link; 2x: its browser; 3x: two screens with one link;
 * 4x: the way to the server. A code keeps its meaning for ever.
 */
export const ERROR_CODES = [
  'E-11', // the address holds no screen
  'E-12', // no device token, neither in the address nor kept
  'E-13', // the server does not accept the device token
  'E-14', // the server does not know this screen
  'E-15', // the server wants the screen's key, which this browser does not have
  'E-21', // the browser has no WebRTC
  'E-22', // the browser has no H.264 in WebRTC
  'E-31', // another browser opened this screen's link
  'E-41', // the server does not answer
  'E-42', // the server answers, but with an error
  'E-43', // the media connection does not come about: UDP is blocked
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];
