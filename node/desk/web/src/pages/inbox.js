// Orders on one's datasets: what each would allow, and how it is granted.
import { useState } from 'preact/hooks';
import { get, post } from '../api.js';
import { Bureau } from '../bureau.js';
import { html } from '../html.js';
import { Field, Id, link, Loaded, Page, Problem, Scroll, state, Tag, useLoad, tongue } from '../parts.js';
import { day, figure, number, t, time, titled } from '../words.js';
import { Answerable } from './listing.js';

export function Inbox({ session }) {
  return html`<${Bureau} title=${t('inbox')} about=${t('inbox.about')} session=${session}><${Orders} /><//>`;
}

function Orders() {
  const inbox = useLoad((signal) => get('/api/inbox', signal), []);
  return html`<${Loaded} of=${inbox}>${({ orders }) => orders.length === 0 ? html`<p class="empty">${t('inbox.empty')}</p>` : html`
    <ul class="cards">${orders.map((o) => html`<li key=${o.id}><article>
      <h2 style=${{ marginTop: 0 }}><a href=${link('received/' + o.id)}>${titled(o.title) || o.dataset}</a></h2>
      <p><strong>${t('order.purpose')}:</strong> ${o.purpose}</p>
      <p class="muted">${t('inbox.by')} <${Id} of=${o.buyer} /> · ${time(o.created)}</p>
      <p>${t('inbox.short', { measures: o.measures?.join(', ') || t('all'), aggregates: o.aggregates?.join(', ') || t('all'), columns: o.scope ? o.scope.columns.join(', ') || t('none') : t('all') })}</p>
      <div class="row"><${Tag} kind=${o.state === 'open' ? '' : o.state === 'approved' ? 'good' : 'bad'}>${state(o.state)}<//><${Id} of=${o.id} />
        ${o.contract && html`<a href=${link('contract/' + o.contract)}>${t('contract')} <${Id} of=${o.contract} /></a>`}</div>
      ${o.reason && html`<p>${o.reason}</p>`}
    </article></li>`)}</ul>`}<//>`;
}

export function ReceivedOrder({ of, session }) {
  const order = useLoad((signal) => get('/api/inbox/' + encodeURIComponent(of), signal), [of]);
  return html`<${Page} title=${t('received')}>
    <${Loaded} of=${order}>${(c) => html`<${Decide} key=${c.order.id + c.order.state} of=${c} session=${session} reload=${order.reload} />`}<//>
  <//>`;
}

// limits are the terms of a contract that are one text.
const limits = ['grain', 'min_cohort', 'until', 'queries', 'budget', 'epsilon'];

function Decide({ of: first, session, reload }) {
  const [c, setConsidered] = useState(first);
  const [g, set] = useState({});
  const [reason, setReason] = useState('');
  const [failed, setFailed] = useState(null);
  const [busy, setBusy] = useState(false);
  const o = c.order;
  const open = o.state === 'open';
  const invalid = (field) => (c.problem?.field === field || failed?.problem?.field === field ? { 'aria-invalid': 'true' } : {});

  const grant = (g) => {
    const columns = g.columns ?? first.asked.columns;
    const scoped = g.columns !== undefined || Boolean(g.grain);
    return {
      ...(g.measures && { measures: g.measures }), ...(g.aggregates && { aggregates: g.aggregates }), ...(scoped && { scoped: true, columns }), ...(g.grain && { grain: g.grain }),
      ...(g.until && { until: g.until }), ...(Number(g.queries) > 0 && { queries: Number(g.queries) }), ...(g.budget && { budget: g.budget }), ...(g.epsilon && { epsilon: g.epsilon }),
      ...(Number(g.min_cohort) > 0 && { min_cohort: Number(g.min_cohort) }), ...(g.no_portfolio && { no_portfolio: true }),
    };
  };
  async function change(part) {
    const next = { ...g, ...part };
    set(next);
    setFailed(null);
    try {
      setConsidered(await post(`/api/inbox/${encodeURIComponent(o.id)}/consider`, grant(next)));
    } catch (e) {
      setFailed(e);
    }
  }
  async function decide(path, body) {
    setBusy(true);
    setFailed(null);
    try {
      await post(`/api/inbox/${encodeURIComponent(o.id)}/${path}`, body);
      reload();
    } catch (e) {
      setFailed(e);
    }
    setBusy(false);
  }
  const narrowed = Object.fromEntries(c.changes.map((x) => [x.field, x]));
  return html`
    <div class="row"><${Id} of=${o.id} /><${Tag} kind=${open ? '' : o.state === 'approved' ? 'good' : 'bad'}>${state(o.state)}<//>${o.reason && html`<span>${o.reason}</span>`}
      ${o.contract && html`<a href=${link('contract/' + o.contract)}>${t('contract')} <${Id} of=${o.contract} /></a>`}</div>
    <dl>
      <dt>${t('order.dataset')}</dt><dd><a href=${link('own/' + o.dataset)}>${titled(c.title) || o.dataset}</a></dd>
      <dt>${t('order.purpose')}</dt><dd>${o.purpose}</dd>
      <dt>${t('inbox.by')}</dt><dd><${Id} of=${o.buyer} />, ${time(o.created)}</dd>
      ${c.others.length > 0 && html`<dt>${t('received.others')}</dt><dd>${c.others.map((k) => html`<a href=${link('contract/' + k.id)}><${Id} of=${k.id} /></a> `)}</dd>`}
    </dl>

    <h2>${t('received.allows')}</h2>
    <${Allows} of=${c} />
    <${Scroll} label=${t('received.diff')}><table id="diff">
      <thead><tr><th scope="col">${t('received.term')}</th><th scope="col">${t('received.asked')}</th><th scope="col">${t('received.granted')}</th></tr></thead>
      <tbody>
        ${['measures', 'aggregates', 'columns'].map((f) => html`<tr key=${f}><th scope="row">${t('order.' + f)}</th><td>${c.asked[f].join(', ') || t('none')}</td>
          <td>${narrowed[f] ? c.asked[f].map((v, i) => html`${i > 0 && ', '}${c.granted[f].includes(v) ? v : html`<del>${v}</del>`}`) : t('received.same')}</td></tr>`)}
        ${limits.filter((f) => f !== 'epsilon' || c.accounts).map((f) => html`<tr key=${f}><th scope="row">${t('term.' + f)}</th><td>${termText(f, c.asked)}</td>
          <td>${narrowed[f] ? html`<del>${termText(f, c.asked)}</del> <ins>${termText(f, c.granted)}</ins>` : t('received.same')}</td></tr>`)}
        ${o.portfolio && html`<tr><th scope="row">${t('term.portfolio')}</th><td>${t('yes')}</td><td>${narrowed.portfolio ? html`<del>${t('yes')}</del> <ins>${t('no')}</ins>` : t('received.same')}</td></tr>`}
      </tbody></table><//>
    <${Problem} of=${c.problem && open && { problem: c.problem }} />

    ${open && html`<h2>${t('received.narrow')}</h2>
    <form onSubmit=${(e) => { e.preventDefault(); decide('approve', grant(g)); }}>
      ${['measures', 'aggregates', 'columns'].map((f) => html`<${Kept} key=${f} title=${t('order.' + f)} all=${c.choices[f]} of=${g[f] ?? c.choices[f]} set=${(list) => change({ [f]: list.length === c.choices[f].length ? undefined : list })} />`)}
      <div class="fields">
        <${Field} label=${t('term.grain')}><select name="grain" value=${g.grain ?? ''} onChange=${(e) => change({ grain: e.target.value })}><option value="">${t('received.asasked')}</option>${(c.choices.grains ?? []).map((v) => html`<option value=${v}>${t('grain.' + v)}</option>`)}</select><//>
        <${Field} label=${t('term.until')}><input type="date" name="until" value=${g.until ?? ''} ...${invalid('until')} onChange=${(e) => change({ until: e.target.value })} /><//>
        <${Field} label=${t('term.queries')}><input type="number" min="1" name="queries" value=${g.queries ?? ''} placeholder=${t('received.asasked')} ...${invalid('queries')} onChange=${(e) => change({ queries: e.target.value })} /><//>
        <${Field} label=${t('term.budget')}><input inputmode="decimal" name="budget" value=${g.budget ?? ''} placeholder=${t('received.asasked')} ...${invalid('budget')} onChange=${(e) => change({ budget: e.target.value.trim() })} /><//>
        ${!c.public && html`<${Field} label=${t('term.min_cohort')}><input type="number" min="1" name="min_cohort" value=${g.min_cohort ?? ''} placeholder=${t('received.asasked')} ...${invalid('min_cohort')} onChange=${(e) => change({ min_cohort: e.target.value })} /><//>`}
        ${c.accounts && html`<${Field} label=${t('term.epsilon')}><input inputmode="decimal" name="epsilon" value=${g.epsilon ?? ''} placeholder=${t('received.asasked')} ...${invalid('epsilon')} onChange=${(e) => change({ epsilon: e.target.value.trim() })} /><//>`}
      </div>
      ${o.portfolio && html`<label><input type="checkbox" checked=${g.no_portfolio ?? false} onChange=${(e) => change({ no_portfolio: e.target.checked })} />${t('received.noportfolio')}</label>`}
      <div class="row"><button type="submit" disabled=${busy || session.read_only || Boolean(c.problem)} aria-busy=${busy}>${t(c.changes.length ? 'received.approvenarrow' : 'received.approve')}</button></div>
    </form>
    <h2>${t('received.refuse')}</h2>
    <form onSubmit=${(e) => { e.preventDefault(); decide('refuse', { reason }); }}>
      <${Field} label=${t('reason')} help=${t('reason.help')}><input name="reason" required value=${reason} ...${invalid('reason')} onInput=${(e) => setReason(e.target.value)} /><//>
      <div class="row"><button type="submit" class="plain" disabled=${busy || session.read_only}>${t('received.refusebutton')}</button></div>
    </form>`}
    <${Problem} of=${failed} />

    <h2>${t('listing.answerable')}</h2>
    <${Answerable} path=${'/api/datasets/' + encodeURIComponent(o.dataset)} />
    <h2>${t('listing.policy')}</h2>
    <ul lang=${tongue(c.policy.join())}>${c.policy.map((line) => html`<li>${line}</li>`)}</ul>`;
}

function termText(f, terms) {
  const v = terms[f];
  switch (f) {
    case 'grain': return v ? t('grain.' + v) : t('order.policy');
    case 'until': return day(v - 1);
    case 'queries': return v ? number(v) : t('order.any');
    case 'budget': return v ? `${figure(v)} ${terms.currency ?? ''}` : t('order.any');
    default: return v ? String(v) : '–';
  }
}

// Allows says in words what the grant would allow, and what it costs.
function Allows({ of: c }) {
  const g = c.granted;
  return html`<ul>
    <li>${t('allows.figures', { aggregates: g.aggregates.join(', '), measures: g.measures.join(', ') })}</li>
    <li>${t(g.columns.length ? 'allows.groups' : 'allows.nogroups', { columns: g.columns.join(', '), grain: g.grain ? t('grain.' + g.grain) : t('order.policy') })}</li>
    <li>${c.public ? t('answerable.public') : t('allows.cohort', { n: number(g.min_cohort) })}</li>
    <li>${g.most ? g.income ? t('allows.income', { n: number(g.most), price: figure(g.price), income: figure(g.income), currency: g.currency ?? '' }) : t('allows.most', { n: number(g.most) }) : g.price ? t('allows.price', { price: figure(g.price), currency: g.currency ?? '' }) : t('allows.any')}</li>
    <li>${t('allows.until', { day: day(g.until - 1) })}</li>
    ${c.accounts && html`<li>${t('allows.noise', { contract: g.epsilon, query: c.accounts.per_query, left: c.accounts.family.left, limit: c.accounts.family.limit })}</li>`}
    ${(c.places ?? []).map((p) => html`<li>${t('allows.places', { measure: p.measure, left: Math.max(p.owners - (p.holders?.length ?? 0), 0), of: p.owners })}</li>`)}
  </ul>`;
}

function Kept({ title, all, of, set }) {
  return html`<fieldset class="checks"><legend>${title}</legend>
    ${all.map((name) => html`<label><input type="checkbox" name=${name} checked=${of.includes(name)} disabled=${of.length === 1 && of.includes(name)} onChange=${(e) => set(all.filter((n) => (n === name ? e.target.checked : of.includes(n))))} />${name}</label>`)}
  </fieldset>`;
}
