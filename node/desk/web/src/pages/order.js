// An order, made of a query or by hand.
import { useEffect, useState } from 'preact/hooks';
import { get, post } from '../api.js';
import { html } from '../html.js';
import { Field, Id, link, Loaded, Page, Problem, useLoad } from '../parts.js';
import { t, titled } from '../words.js';

export function Order({ parameters, session }) {
  const drafted = useLoad(async (signal) => {
    const draft = parameters.sql ? await post('/api/orders/draft', { sql: parameters.sql, ...(parameters.dataset && { dataset: parameters.dataset }) }, signal) : { dataset: parameters.dataset ?? '' };
    if (!draft.dataset) return null;
    const [listing, names] = await Promise.all(['', '/names'].map((what) => get(`/api/datasets/${encodeURIComponent(draft.dataset)}${what}`, signal)));
    return { draft, listing, names };
  }, [parameters.sql, parameters.dataset]);
  return html`<${Page} title=${t('order')}>
    <p class="muted">${t('order.about')}</p>
    ${parameters.sql && html`<p>${t('order.of')}</p><pre class="sql" translate="no">${parameters.sql}</pre>`}
    ${session.read_only && html`<p class="note">${t('query.readonly')}</p>`}
    ${drafted.data === null ? html`<p class="empty">${t('order.which')} <a href="#/catalogue">${t('nav.catalogue')}</a></p>` : html`<${Loaded} of=${drafted}>${(d) => html`<${Form} of=${d} sql=${parameters.sql} session=${session} />`}<//>`}
  <//>`;
}

function Form({ of: { draft, listing, names }, sql, session }) {
  const [o, set] = useState(() => ({
    purpose: '', until: '', queries: '', budget: '', min_cohort: '', portfolio: false, grain: draft.grain ?? '',
    measures: draft.measures ?? [], aggregates: draft.aggregates ?? [], columns: draft.scoped ? draft.columns ?? [] : names.columns.map((c) => c.name), scoped: draft.scoped ?? false,
  }));
  const [done, setDone] = useState(null);
  const [failed, setFailed] = useState(null);
  const [busy, setBusy] = useState(false);
  const change = (c) => set((o) => ({ ...o, ...c }));
  const invalid = (field) => (failed?.problem?.field === field ? { 'aria-invalid': 'true' } : {});

  async function order(e) {
    e.preventDefault();
    setBusy(true);
    setFailed(null);
    const all = o.columns.length === names.columns.length && !o.grain && !draft.scoped;
    try {
      setDone(await post('/api/orders', {
        dataset: draft.dataset, purpose: o.purpose,
        ...(o.measures.length && { measures: o.measures }), ...(o.aggregates.length && { aggregates: o.aggregates }),
        ...(!all && { scoped: true, columns: o.columns, ...(o.grain && { grain: o.grain }) }),
        ...(o.until && { until: o.until }), ...(Number(o.queries) > 0 && { queries: Number(o.queries) }), ...(o.budget && { budget: o.budget }),
        ...(Number(o.min_cohort) > 0 && { min_cohort: Number(o.min_cohort) }), ...(o.portfolio && { portfolio: true }),
      }));
    } catch (e) {
      setFailed(e);
    }
    setBusy(false);
  }
  if (done) {
    return html`<div class="note good" role="status"><p><strong>${t('order.done')}</strong> <${Id} of=${done.order} /></p><p>${t('order.then')}</p></div>
      <p class="row"><a role="button" href="#/contracts">${t('nav.contracts')}</a>${sql && html`<a role="button" class="plain" href=${link('query', { sql })}>${t('order.back')}</a>`}</p>`;
  }
  const measures = listing.dictionary.map((m) => m.name);
  return html`<form onSubmit=${order}>
    <p>${t('order.dataset')} <a href=${link('dataset/' + listing.id)}>${titled(listing.title) || listing.id}</a> <span class="id">${listing.id}</span></p>
    <${Field} label=${t('order.purpose')} help=${t('order.purposehelp')}><textarea name="purpose" required rows="2" value=${o.purpose} ...${invalid('purpose')} onInput=${(e) => change({ purpose: e.target.value })}></textarea><//>
    <${Checks} title=${t('order.measures')} help=${t('order.none')} all=${measures} of=${o.measures} set=${(measures) => change({ measures })} />
    <${Checks} title=${t('order.aggregates')} help=${t('order.none')} all=${[...new Set([...names.functions.map((f) => f.toLowerCase()), ...o.aggregates])]} of=${o.aggregates} set=${(aggregates) => change({ aggregates })} />
    <${Checks} title=${t('order.columns')} help=${t('order.columnshelp')} all=${names.columns.map((c) => c.name)} of=${o.columns} set=${(columns) => change({ columns })} />
    <div class="fields">
      <${Field} label=${t('order.grain')}><select value=${o.grain} onChange=${(e) => change({ grain: e.target.value })}><option value="">${t('order.policy')}</option>${names.grains.map((g) => html`<option value=${g}>${t('grain.' + g)}</option>`)}</select><//>
      <${Field} label=${t('order.until')}><input type="date" value=${o.until} ...${invalid('until')} onInput=${(e) => change({ until: e.target.value })} /><//>
      <${Field} label=${t('order.queries')}><input type="number" min="1" value=${o.queries} placeholder=${t('order.any')} onInput=${(e) => change({ queries: e.target.value })} /><//>
      <${Field} label=${t('order.budget')}><input inputmode="decimal" value=${o.budget} placeholder=${t('order.any')} onInput=${(e) => change({ budget: e.target.value.trim() })} /><//>
      <${Field} label=${t('order.cohort')}><input type="number" min="1" value=${o.min_cohort} placeholder=${t('order.policy')} onInput=${(e) => change({ min_cohort: e.target.value })} /><//>
    </div>
    <label><input type="checkbox" checked=${o.portfolio} onChange=${(e) => change({ portfolio: e.target.checked })} />${t('order.portfolio')}</label>
    <${Problem} of=${failed} />
    <div class="row"><button type="submit" disabled=${busy || session.read_only} aria-busy=${busy}>${t('order.submit')}</button></div>
  </form>`;
}

function Checks({ title, help, all, of, set }) {
  return html`<fieldset class="checks"><legend>${title} <small>${help}</small></legend>
    ${all.map((name) => html`<label><input type="checkbox" checked=${of.includes(name)} onChange=${(e) => set(e.target.checked ? all.filter((n) => n === name || of.includes(n)) : of.filter((n) => n !== name))} />${name}</label>`)}
  </fieldset>`;
}
