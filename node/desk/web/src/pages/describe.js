// What the columns of files are, what may be released of them, and the descriptor that says both.
import { useState } from 'preact/hooks';
import { PolicyForm, listText, textList } from '../bureau.js';
import { html } from '../html.js';
import { Field, Scroll, tongue } from '../parts.js';
import { t } from '../words.js';

const grains = ['quarter_hour', 'half_hour', 'hour', 'day', 'week', 'month', 'quarter', 'year'];

export function Columns({ of: form, act, busy }) {
  const [f, set] = useState({ ...form, registries: undefined, header: undefined, sample: undefined });
  const change = (c) => set((f) => ({ ...f, ...c }));
  const measure = (i, c) => change({ measures: f.measures.map((m, j) => (i === j ? { ...m, ...c } : m)) });
  const column = (label, value, to, none) => html`<${Field} label=${label}><select value=${value} onChange=${(e) => to(e.target.value)}>${none && html`<option value="">${none}</option>`}${form.header.map((h) => html`<option value=${h}>${h}</option>`)}</select><//>`;
  return html`<p class="muted">${t('columns.about')}</p>
    <${Scroll} label=${t('columns.sample')}><table><thead><tr>${form.header.map((h) => html`<th scope="col">${h}</th>`)}</tr></thead><tbody>${form.sample.map((r) => html`<tr>${form.header.map((h, i) => html`<td>${r[i] ?? ''}</td>`)}</tr>`)}</tbody></table><//>
    <form onSubmit=${(e) => { e.preventDefault(); act('describe', { form: f }); }}>
    <div class="fields">
      <${Field} label=${t('columns.dataset')} help=${t('columns.name')}><input name="dataset" required value=${f.dataset} onInput=${(e) => change({ dataset: e.target.value.trim() })} /><//>
      <${Field} label=${t('columns.titleen')}><input name="title_en" value=${f.title_en} onInput=${(e) => change({ title_en: e.target.value })} /><//>
      <${Field} label=${t('columns.titlezh')}><input name="title_zh" value=${f.title_zh} onInput=${(e) => change({ title_zh: e.target.value })} /><//>
      <${Field} label=${t('listing.license')}><input name="license" required value=${f.license} onInput=${(e) => change({ license: e.target.value })} /><//>
      ${column(t('columns.entity'), f.entity, (entity) => change({ entity }))}
      ${form.registries?.length > 0 && html`<${Field} label=${t('portfolios.registry')} help=${t('columns.registryhelp')}><select value=${f.registry} onChange=${(e) => change({ registry: e.target.value })}><option value="">${t('columns.own')}</option>${form.registries.map((r) => html`<option value=${r}>${r}</option>`)}</select><//>`}
      ${column(t('columns.period'), f.period, (period) => change({ period }), t('columns.choose'))}
      <${Field} label=${t('columns.grain')}><select value=${f.grain} onChange=${(e) => change({ grain: e.target.value })}><option value="">${t('columns.choose')}</option>${grains.map((g) => html`<option value=${g}>${t('grain.' + g)}</option>`)}</select><//>
      <${Field} label=${t('columns.offset')}><input name="utc_offset" required value=${f.utc_offset} onInput=${(e) => change({ utc_offset: e.target.value.trim() })} /><//>
      <${Field} label=${t('columns.missing')} help=${t('columns.missinghelp')}><input name="missing" value=${listText(f.missing.filter(Boolean))} onChange=${(e) => change({ missing: ['', ...textList(e.target.value)] })} /><//>
    </div>
    ${!f.registry && html`<fieldset class="checks"><legend>${t('listing.columns')} <small>${t('columns.attributes')}</small></legend>
      ${form.header.filter((h) => h && h !== f.entity && h !== f.period && !f.measures.some((m) => m.column === h)).map((h) => html`<label><input type="checkbox" checked=${f.attributes.some((a) => a.column === h)} onChange=${(e) => change({ attributes: e.target.checked ? [...f.attributes, form.attributes.find((a) => a.column === h) ?? { name: h, column: h }] : f.attributes.filter((a) => a.column !== h) })} />${h}</label>`)}</fieldset>`}
    <${Scroll} label=${t('columns.measures')}><table><thead><tr><th scope="col">${t('columns.column')}</th><th scope="col">${t('columns.called')}</th><th scope="col">${t('listing.unit')}</th><th scope="col">${t('listing.least')}</th><th scope="col">${t('listing.most')}</th><th scope="col">${t('listing.decimals')}</th><th scope="col">${t('columns.left')}</th></tr></thead>
      <tbody>${f.measures.map((m, i) => html`<tr key=${m.column}><th scope="row">${m.column}</th>
        ${[['name', t('columns.called')], ['unit', t('listing.unit')], ['least', t('listing.least')], ['most', t('listing.most')]].map(([k, label]) => html`<td><input name=${`${k}-${m.column}`} required aria-label=${`${label}, ${m.column}`} value=${m[k]} onInput=${(e) => measure(i, { [k]: e.target.value.trim() })} /></td>`)}
        <td><input type="number" min="0" max="9" aria-label=${`${t('listing.decimals')}, ${m.column}`} value=${m.decimals} onInput=${(e) => measure(i, { decimals: Number(e.target.value) })} /></td>
        <td><button type="button" class="plain small" aria-label=${t('publish.removefile', { name: m.column })} onClick=${() => change({ measures: f.measures.filter((x) => x !== m) })}>${t('publish.remove')}</button></td></tr>`)}</tbody></table><//>
    <p class="muted">${t('columns.range')}</p>
    <div class="row"><button type="submit" disabled=${busy}>${t('columns.use')}</button></div></form>`;
}

// Descriptor shows the descriptor as text, with what is wrong with it beside.
export function Descriptor({ of: d, act, busy }) {
  const [text, set] = useState(null);
  const wrong = d.descriptor_faults;
  const lines = Math.min((text ?? d.descriptor).split('\n').length + 1, 24);
  const field = html`<label>${t('descriptor')}<textarea name="descriptor" class="code" rows=${lines} spellcheck="false" translate="no" value=${text ?? d.descriptor} aria-invalid=${wrong.length ? 'true' : undefined} disabled=${busy} onInput=${(e) => set(e.target.value)}></textarea></label>
    <div class="row"><button type="button" class="plain" disabled=${busy || text === null} onClick=${async () => { if (await act('describe', { text })) set(null); }}>${t('descriptor.use')}</button>
      ${d.form && html`<button type="button" class="plain" disabled=${busy} onClick=${() => act('describe', { text: '' })}>${t('descriptor.form')}</button>`}</div>`;
  return wrong.length ? html`<div class="note bad" role="alert"><p><strong>${t('descriptor.wrong')}</strong></p><ul>${wrong.map((w) => html`<li lang=${tongue(w.message)}>${w.line ? `${w.line}:${w.column} ` : ''}${w.field ? `${w.field}: ` : ''}${w.message}${w.want && `; ${w.want}`}</li>`)}</ul></div>${field}`
    : html`<p>${t('descriptor.right', { measures: d.measures.join(', ') })}</p><details><summary>${t('descriptor.edit')}</summary>${field}</details>`;
}

export function Policy({ of: d, act, busy }) {
  const [policy, set] = useState(d.policy);
  const [price, setPrice] = useState(d.price ?? { per_query: '', currency: 'CNY' });
  const [changed, setChanged] = useState(false);
  return html`<form onSubmit=${(e) => { e.preventDefault(); act('describe', { policy, ...(price.per_query && { price }) }); }}>
    <${PolicyForm} fields=${d.fields} policy=${policy} set=${(p) => { set(p); setChanged(true); }} />
    <${Price} of=${price} set=${(p) => { setPrice(p); setChanged(true); }} />
    <div class="row"><button type="submit" id="policy" disabled=${busy || !changed}>${t('policy.use')}</button></div>
  </form>
  <details><summary>${t('listing.policy')}</summary><ul lang=${tongue((d.words ?? []).join())}>${(d.words ?? []).map((w) => html`<li>${w}</li>`)}</ul></details>`;
}

export function Price({ of: price, set }) {
  return html`<div class="fields">
    <${Field} label=${t('policy.price')}><input name="per_query" inputmode="decimal" value=${price.per_query} placeholder=${t('listing.free')} onInput=${(e) => set({ ...price, per_query: e.target.value.trim() })} /><//>
    <${Field} label=${t('policy.currency')}><input name="currency" value=${price.currency} onInput=${(e) => set({ ...price, currency: e.target.value.trim() })} /><//></div>`;
}
