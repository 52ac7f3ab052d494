import { applyLocale, initialLocale } from '../shared/i18n/core';
import { App } from './app';
import './test.css';

/** Composition of the connection test page, `/t`. */

function storage(): Storage | null {
  try {
    return window.localStorage;
  } catch {
    return null; // forbidden in some kiosks
  }
}

const locale = initialLocale();
applyLocale(locale);
document.getElementById('old-engine')?.remove();
new App(document.getElementById('app') as HTMLElement, locale, storage()).start();
