// One's own private lists and weights, as the ledger knows them, those that are being registered, and another one.
import { useEffect, useState } from 'preact/hooks';
import { get } from '../api.js';
import { html } from '../html.js';
import { link, Loaded, Page, Problem, Scroll, state, Tag, tongue, useLoad } from '../parts.js';
import { number, t, time } from '../words.js';
import { Register } from './register.js';

export function Portfolios({ session }) {
  const portfolios = useLoad((signal) => get('/api/portfolios', signal), []);
  const begun = useLoad((signal) => get('/api/portfolios/registrations', signal), []);
  return html`<${Page} title=${t('portfolios')}>
    <p class="muted">${t('portfolios.about')} <a href=${link('financed')}>${t('financed.link')}</a></p>
    ${(begun.data?.registrations ?? []).slice(0, 8).map((r) => html`<${Registration} key=${r.id} of=${r} over=${portfolios.reload} />`)}
    <${Loaded} of=${portfolios}>${({ portfolios: all }) => all.length === 0 ? html`<p class="empty">${t('portfolios.empty')}</p>` : html`
      <${Scroll} label=${t('portfolios')}><table>
        <thead><tr><th scope="col">${t('portfolios.name')}</th><th scope="col" class="n">${t('listing.version')}</th><th scope="col">${t('portfolios.registry')}</th><th scope="col">${t('state')}</th><th scope="col">${t('portfolios.kind')}</th><th scope="col">${t('order.created')}</th></tr></thead>
        <tbody>${all.map((v) => html`<tr><th scope="row">${v.name}</th><td class="n">${v.version}</td><td>${v.registry}</td>
          <td><${Tag} kind=${v.state === 'ready' ? 'good' : ''}>${state(v.state)}<//>${v.reason && html` <small lang=${tongue(v.reason)}>${v.reason}</small>`}</td>
          <td>${v.pieces === 0 ? t('portfolios.weights', { bits: v.bits }) : v.pieces > 1 ? t('portfolios.pieces', { n: number(v.pieces) }) : t('portfolios.list')}</td><td class="nowrap">${time(v.created)}</td></tr>`)}</tbody>
      </table><//>`}<//>
    <h2>${t('register')}</h2>
    ${session.read_only ? html`<p class="note">${t('register.readonly')}</p>` : html`<${Register} begun=${begun.reload} />`}
  <//>`;
}

// Registration follows a registration; each request is held until there is news.
function Registration({ of, over }) {
  const [r, set] = useState(of);
  const [failed, setFailed] = useState(null);
  const busy = r.state === 'registering';
  useEffect(() => {
    if (!busy) return;
    const ended = new AbortController();
    get(`/api/portfolios/registrations/${r.id}?seen=${r.seen}`, ended.signal).then((next) => { set(next); if (next.state !== 'registering') over(); }, (e) => { if (!ended.signal.aborted) setFailed(e); });
    return () => ended.abort();
  }, [busy, r.seen]);
  const steps = r.of > 0 ? t('register.steps', { n: number(r.steps ?? 0), of: number(r.of) }) : '';
  return html`<section class=${`note ${r.state === 'done' ? 'good' : r.state === 'failed' ? 'bad' : ''}`} role="status" data-state=${r.state}>
    <p><strong>${r.name}</strong> ${t('register.' + r.state, { n: number(r.version ?? 0) })}${busy && r.nodes && ` ${t('register.nodes.' + r.nodes)}`} ${busy && steps}</p>
    ${busy && html`<progress aria-label=${r.name}></progress>
      ${r.waits && html`<p class="muted">${r.waits}</p>`}<p class="muted">${t('work.leave')}</p>`}
    ${r.state === 'done' && html`<p>${t(r.entries === 1 ? 'register.entry' : 'register.entries', { n: number(r.entries ?? 0) })}${r.ignored > 0 && ` · ${t(r.ignored === 1 ? 'register.ignoredone' : 'register.ignored', { n: number(r.ignored) })}`}</p>
      ${r.version > 1 && html`<p>${t('register.other')}</p>`}
      <${Ask} of=${r} />`}
    <${Problem} of=${(r.problem && { problem: r.problem }) || failed} />
  </section>`;
}

// Ask leads to a query within a portfolio that was registered: the one that it is meant for, or the first that can be.
function Ask({ of: r }) {
  const sample = useLoad((signal) => sampleFor(r, signal), [r.id]);
  return sample.data ? html`<p><a role="button" href=${link('query', { sql: sample.data, ...(r.weighted && { epsilon: '0.1' }) })}>${t('register.ask')}</a></p>` : null;
}

async function sampleFor(r, signal) {
  if (r.for) return r.for;
  const { datasets } = await get('/api/catalogue?registry=' + encodeURIComponent(r.registry), signal);
  const d = datasets.find((x) => x.contract && x.live) ?? datasets.find((x) => x.live);
  const whole = d && (await get('/api/datasets/' + encodeURIComponent(d.id), signal)).samples.find((s) => s.title === 'total');
  if (!whole) return '';
  return r.weighted ? whole.sql.replace(/SELECT (\w+)\((.*)\) FROM/, `SELECT $1($2 * PRIVATE(${r.name})) FROM`) : `${whole.sql} WHERE entity IN PRIVATE(${r.name})`;
}
