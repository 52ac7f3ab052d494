import { applyLocale, initialLocale } from '../shared/i18n/core';
import { App } from './app';
import './home.css';

/** Composition of `/home/{code}`. The address stays as it is: WeChat opens it again by it. */
const locale = initialLocale();
applyLocale(locale);
document.getElementById('old-engine')?.remove();
const code = location.pathname.replace(/^\/home\/?/, '');
new App(document.getElementById('app') as HTMLElement, locale, code).start();
