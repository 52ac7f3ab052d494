/** The browser behind a User-Agent, as people name it: those that classrooms have first, since they all call themselves Chrome. */
const KNOWN: readonly [RegExp, string][] = [
  [/QIHU 360|360SE|360EE/i, '360'],
  [/QQBrowser\/(\d+)/, 'QQ'],
  [/Edg\/(\d+)/, 'Edge'],
  [/Firefox\/(\d+)/, 'Firefox'],
  [/(?:Headless)?Chrome\/(\d+)/, 'Chrome'],
  [/Version\/(\d+).*Safari/, 'Safari'],
];

export function browserOf(agent: string): string {
  for (const [pattern, name] of KNOWN) {
    const match = pattern.exec(agent);
    if (match !== null) return match[1] === undefined ? name : `${name} ${match[1]}`;
  }
  return agent === '' ? '—' : agent.slice(0, 24);
}
