import { applyLocale, initialLocale } from '../shared/i18n/core';
import { App } from './app';
import './class.css';
import type { ErrorCode } from './codes';
import { identify, type Identity } from './identity';

/** Composition of the class screen: address, storage, document. */

function storage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null; // forbidden in some kiosks: the token then stays in the address
  }
}

function identity(): Identity | ErrorCode {
  const { who, cleaned } = identify(location, storage());
  if (cleaned !== null && location.hash !== '') history.replaceState(null, '', cleaned);
  if (typeof who === 'string') return who;
  const capable = typeof RTCPeerConnection === 'function' && 'addTransceiver' in RTCPeerConnection.prototype;
  return capable ? who : 'E-21';
}

const locale = initialLocale();
applyLocale(locale);
document.getElementById('old-engine')?.remove();
new App(document.getElementById('app') as HTMLElement, locale, identity).start();
