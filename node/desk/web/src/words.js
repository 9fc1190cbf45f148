// Words of the page in the person's language, and numbers and times as it writes them.
import en from './en.json';
import zh from './zh.json';

const languages = { en, zh };

export let language = pick();

function pick() {
  const chosen = localStorage.getItem('weir-language');
  if (chosen in languages) return chosen;
  return navigator.languages?.some((l) => l.toLowerCase().startsWith('zh')) ? 'zh' : 'en';
}

export function setLanguage(l) {
  language = l;
  localStorage.setItem('weir-language', l);
  document.documentElement.lang = l === 'zh' ? 'zh-CN' : 'en';
}
document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';

// t is a text, with {name} replaced.
export function t(key, values = {}) {
  const text = languages[language][key] ?? en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? String(values[name]) : all));
}

// known reports whether there is a text.
export const known = (key) => key in en;

const locale = () => (language === 'zh' ? 'zh-CN' : 'en-GB');

export const number = (n) => new Intl.NumberFormat(locale()).format(n);
export const percent = (permille) => new Intl.NumberFormat(locale(), { style: 'percent', maximumFractionDigits: 1 }).format(permille / 1000);
// bytes is an amount of bytes in the largest unit that leaves a whole number.
export function bytes(n) {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let unit = 0;
  for (; n >= 1000 && unit < units.length - 1; unit++) n /= 1000;
  return new Intl.NumberFormat(locale(), { style: 'unit', unit: units[unit], unitDisplay: unit ? 'short' : 'long', maximumFractionDigits: unit && n < 100 ? 1 : 0 }).format(n);
}

export const time = (ms) => (ms ? new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' }).format(ms) : '');
export const day = (ms) => (ms ? new Intl.DateTimeFormat(locale(), { dateStyle: 'medium' }).format(ms) : '');

// figure groups the digits of an exact decimal, and changes none of them.
export function figure(text) {
  const m = /^(-?)(\d+)(\.\d+)?$/.exec(String(text));
  if (!m) return String(text);
  return m[1].replace('-', '−') + m[2].replace(/\B(?=(\d{3})+$)/g, '\u202f') + (m[3] ?? '');
}

// titled is a text of the catalog in the person's language, or the other.
export const titled = (text) => (language === 'zh' ? text?.zh || text?.en : text?.en || text?.zh) ?? '';
