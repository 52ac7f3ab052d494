import { applyLocale, initialLocale } from '../shared/i18n/core';
import { App } from './app';
import './sign.css';

/** Composition of `/in/{code}`. The code leaves the address bar at once: it is worth nothing half a minute later. */
const locale = initialLocale();
applyLocale(locale);
document.getElementById('old-engine')?.remove();
const code = location.pathname.replace(/^\/in\/?/, '');
history.replaceState(null, '', `/in/${location.search}`);
void new App(document.getElementById('app') as HTMLElement, locale).start(code);
