import { applyLocale, initialLocale } from '../shared/i18n/core';
import { App } from './app';
import './pair.css';

/** Composition of the pairing page. `/pair#CODE` is what a sticker's QR code says; the code leaves the address bar at once. */
const locale = initialLocale();
applyLocale(locale);
document.getElementById('old-engine')?.remove();
const sticker = location.hash.replace(/^#/, '');
if (sticker !== '') history.replaceState(null, '', location.pathname + location.search);
new App(document.getElementById('app') as HTMLElement, locale, (address) => location.replace(address)).start(sticker);
