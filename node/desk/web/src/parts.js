// Parts that pages share.
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { html } from './html.js';
import { known, language, t } from './words.js';

// useLoad loads something, again when one of the things that it is of changes. What was loaded stays until the next is
// there. It returns {data, problem, loading, reload}.
export function useLoad(load, of) {
  const [state, set] = useState({ loading: true });
  const [round, again] = useState(0);
  useEffect(() => {
    const ended = new AbortController();
    set((s) => ({ ...s, loading: true }));
    load(ended.signal).then(
      (data) => ended.signal.aborted || set({ data, loading: false }),
      (problem) => ended.signal.aborted || set({ problem, loading: false }),
    );
    return () => ended.abort();
  }, [...of, round, language]); // sentences are the desk's, in the language that they were asked in
  const reload = useCallback(() => again((n) => n + 1), []);
  return { ...state, reload };
}

// tongue is the language of a sentence of the desk's: Chinese where it has Chinese in it, else English.
export const tongue = (text) => (/[\u4e00-\u9fff]/.test(text ?? '') ? 'zh-CN' : 'en');

// Raw is an error as the network has it, where a sentence says it otherwise.
export const Raw = ({ error, why }) => error && error !== why && html`<details><summary>${t('node.raw')}</summary><p lang="en" translate="no" class="long">${error}</p></details>`;

// Problem says what is wrong, and what to do.
export function Problem({ of, again }) {
  if (!of) return null;
  const p = of.problem ?? { message: String(of) };
  const message = p.kind === 'desk' ? t('problem.desk') : p.message ?? p.detail;
  const own = known(`kind.${p.kind}`) ? t(`kind.${p.kind}`) : t('problem.title');
  return html`<div class="note bad" role="alert">
    <p><strong>${own}</strong>${' '}<span lang=${tongue(message)}>${shortened(message)}</span></p>
    ${p.fix && html`<p lang=${tongue(p.fix)}>${shortened(p.fix)}</p>`}
    ${p.kind === 'unavailable' && html`<${Raw} error=${p.detail} why=${p.message} />`}
    ${again && html`<p><button class="plain" onClick=${again}>${t('again')}</button></p>`}
  </div>`;
}

// Loaded shows what was loaded, or that it is loading, or why it is not there.
export function Loaded({ of, children }) {
  if (of.problem) return html`<${Problem} of=${of.problem} again=${of.reload} />`;
  if (!of.data) return html`<p aria-busy="true" role="status">${t('loading')}</p>`;
  return children(of.data);
}

// Page is a page with its heading, which is focused so that a screen reader begins there.
export function Page({ title, children }) {
  const heading = useRef();
  useEffect(() => { document.title = `${title} · Weir`; }, [title]);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return html`<h1 tabindex="-1" ref=${heading}>${title}</h1>${children}`;
}

// Scroll is what may be wider than the window: it is scrolled by itself, with the keyboard too.
export function Scroll({ label, children }) {
  return html`<div class="scroll" role="region" tabindex="0" aria-label=${label}>${children}</div>`;
}

export const Tag = ({ kind, children }) => html`<span class=${`tag ${kind ?? ''}`}>${children}</span>`;

// Id is the beginning of an id; the whole is its title.
export const Id = ({ of }) => html`<span class="id" title=${of}>${short(of)}</span>`;

// shortened has the beginnings of the ids in a sentence, as tables have.
export const shortened = (text) => text?.replace(/\b([a-z]-[0-9a-f]{8})[0-9a-f]{24,}/g, '$1');

export const short = (id) => (id ? id.slice(0, 10) : '');

// state words a state of the ledger.
export const state = (s) => (known(`state.${s}`) ? t(`state.${s}`) : s);

// Field is a labelled input; help stands below it.
export function Field({ label, help, children }) {
  return html`<label>${label}${children}${help && html`<small>${help}</small>`}</label>`;
}

// link is the address of a page.
export function link(page, parameters = {}) {
  const given = Object.entries(parameters).filter(([, v]) => v !== undefined && v !== '' && v !== false);
  return '#/' + page + (given.length ? '?' + new URLSearchParams(given) : '');
}

// go shows a page; with replace the one before is not gone back to.
export function go(to, replace) {
  if (replace) {
    history.replaceState(null, '', to);
    window.dispatchEvent(new HashChangeEvent('hashchange'));
  } else {
    location.hash = to.slice(1);
  }
}
