/** Light or dark: the person's choice, else the system's. Element Plus reads the class `dark`, our own styles `data-theme`. */
export type Theme = 'light' | 'dark';

const STORE = 'jiangtang.theme';

function stored(): Theme | null {
  try {
    const value = localStorage.getItem(STORE);
    return value === 'light' || value === 'dark' ? value : null;
  } catch {
    return null;
  }
}

export function currentTheme(): Theme {
  return stored() ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
}

export function applyTheme(theme: Theme = currentTheme()): void {
  document.documentElement.dataset['theme'] = theme;
  document.documentElement.classList.toggle('dark', theme === 'dark');
}

export function chooseTheme(theme: Theme): void {
  try {
    localStorage.setItem(STORE, theme);
  } finally {
    applyTheme(theme);
  }
}
