// Parts of the publisher's pages.
import { get } from './api.js';
import { html } from './html.js';
import { Loaded, Page, useLoad } from './parts.js';
import { t } from './words.js';

// Bureau is a page of a publisher; to others it says what it is for, and how one becomes a publisher.
export function Bureau({ title, about, session, children }) {
  const standing = useLoad((signal) => get('/api/bureau', signal), []);
  return html`<${Page} title=${title}>
    <p class="muted">${about}</p>
    <${Loaded} of=${standing}>${(s) => s.publisher ? html`
      ${session.read_only && html`<p class="note">${t('bureau.readonly')}</p>`}
      ${s.key && s.key !== 'ready' && html`<p class="note">${t('bureau.key')}</p>`}
      ${children}` : html`<div class="note">
        <p><strong>${t(session.principal ? 'bureau.none' : 'bureau.nokey')}</strong></p>
        <ol>
          <li>${t('bureau.one')} <code>weir keygen --name ORG --out org.key</code></li>
          <li>${t('bureau.two')} <code>weir principal add org.key.pub --role publisher</code></li>
          <li>${t('bureau.three')} <code>weir desk --key org.key</code></li>
        </ol></div>`}<//>
  <//>`;
}

// listText and textList write and read lists in one line.
export const listText = (list) => (list ?? []).join(', ');
export const textList = (text) => text.split(/[,，、]/).map((s) => s.trim()).filter(Boolean);
const listsText = (lists) => (lists ?? []).map(listText).join('; ');
const textLists = (text) => text.split(/[;；]/).map(textList).filter((l) => l.length);

// PolicyForm has the fields of a policy, as catalog's table has them.
export function PolicyForm({ fields, policy, set }) {
  const change = (name, value) => {
    const next = { ...policy, [name]: value };
    if (value === '' || value === 0 || value === false || value === null || (Array.isArray(value) && !value.length)) delete next[name];
    if (!next.aggregates) next.aggregates = [];
    if (!next.grain) next.grain = policy.grain;
    set(next);
  };
  return html`<div class="fields">${fields.filter((f) => !policy.public || f.public).map((f) => html`<${PolicyField} key=${f.name} field=${f} value=${policy[f.name]} set=${(v) => change(f.name, v)} />`)}</div>`;
}

function PolicyField({ field: f, value, set }) {
  const label = t('policy.' + f.name);
  const help = t('policyhelp.' + f.name);
  if (f.kind === 'flag') return html`<label><input type="checkbox" name=${f.name} checked=${value ?? false} onChange=${(e) => set(e.target.checked)} />${label}<small style=${{ marginTop: 0 }}>${help}</small></label>`;
  if (f.name === 'aggregates') {
    return html`<fieldset class="checks whole"><legend>${label} <small>${help}</small></legend>
      ${f.values.map((v) => html`<label><input type="checkbox" name=${v} checked=${(value ?? []).includes(v)} onChange=${(e) => set(f.values.filter((x) => (x === v ? e.target.checked : (value ?? []).includes(x))))} />${v}</label>`)}</fieldset>`;
  }
  if (f.kind === 'group') {
    return html`<fieldset class="whole"><legend>${label} <small>${help}</small></legend>
      <label><input type="checkbox" name=${f.name} checked=${Boolean(value)} onChange=${(e) => set(e.target.checked ? { epsilon_per_query: '0.5', epsilon_per_contract: '5', epsilon_family: '10', delta: '1e-9' } : null)} />${t('policy.offered')}</label>
      ${value && html`<div class="fields">${f.parts.map((p) => html`<label key=${p}>${t('policypart.' + p)}<input inputmode="decimal" name=${p} value=${value[p]} onInput=${(e) => set({ ...value, [p]: e.target.value.trim() })} /></label>`)}</div>`}</fieldset>`;
  }
  const hint = f.values?.length ? t('policy.values', { values: f.values.slice(0, 8).join(', ') }) : '';
  if (f.kind === 'text' && f.values?.length) {
    return html`<label>${label}<select name=${f.name} value=${value ?? ''} onChange=${(e) => set(e.target.value)}>
      ${f.name !== 'grain' && html`<option value="">${t('policy.default')}</option>`}${f.values.map((v) => html`<option value=${v}>${f.name === 'grain' ? t('grain.' + v) : v}</option>`)}</select><small>${help}</small></label>`;
  }
  if (f.kind === 'number') return html`<label>${label}<input type="number" min="0" max=${f.most || undefined} name=${f.name} value=${value ?? ''} placeholder=${t('policy.default')} onInput=${(e) => set(Number(e.target.value))} /><small>${help}</small></label>`;
  if (f.kind === 'text') return html`<label>${label}<input name=${f.name} value=${value ?? ''} placeholder=${t('policy.default')} onInput=${(e) => set(e.target.value.trim())} /><small>${help}</small></label>`;
  const [show, read] = {
    list: [listText, textList], lists: [listsText, textLists], pairs: [listsText, textLists],
    texts: [(m) => Object.entries(m ?? {}).map((e) => e.join(': ')).join(', '), (text) => { const all = textList(text).map((p) => p.split(/[:：]/).map((s) => s.trim())).filter((p) => p.length === 2); return all.length ? Object.fromEntries(all) : null; }],
  }[f.kind];
  return html`<label>${label}<input name=${f.name} value=${show(value)} onChange=${(e) => set(read(e.target.value))} /><small>${help}${hint && `. ${hint}`}</small></label>`;
}
