// What happened while nobody looked: shown on every page until it is dismissed.
import { useEffect, useState } from 'preact/hooks';
import { get } from './api.js';
import { html } from './html.js';
import { link } from './parts.js';
import { known, t, time } from './words.js';

// every is how many milliseconds lie between two looks.
const every = 15000;

// places are the pages on which more is seen, by kind.
const places = { order: 'inbox', spent: 'contracts', feed: 'feeds', node: 'nodes' };

export function Notices() {
  const [all, set] = useState([]);
  const [seen, setSeen] = useState(Number(localStorage.getItem('weir-notices') ?? 0));
  useEffect(() => {
    const ended = new AbortController();
    const look = () => document.hidden || get('/api/notices', ended.signal).then((d) => set(d.notices), () => {});
    look();
    const again = setInterval(look, every);
    return () => { clearInterval(again); ended.abort(); };
  }, []);
  const fresh = all.filter((n) => n.at > seen);
  if (!fresh.length) return null;
  const dismiss = () => {
    localStorage.setItem('weir-notices', fresh[0].at);
    setSeen(fresh[0].at);
  };
  return html`<section class="note" aria-label=${t('notices')} aria-live="polite">
    <ul class="plain">${fresh.slice(0, 5).map((n) => html`<li key=${n.kind + n.of + n.at}>${known('notice.' + n.kind) ? t('notice.' + n.kind, { of: n.of.slice(0, 20) }) : n.words} <small>${time(n.at)}</small> <a href=${link(places[n.kind] ?? 'catalogue')}>${t('notices.look')}</a></li>`)}</ul>
    <button class="plain" onClick=${dismiss}>${t('notices.dismiss')}</button>
  </section>`;
}
