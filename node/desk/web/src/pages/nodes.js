// For operators: how every node is, and what it waits for. What is here is asked anew every few seconds.
import { useEffect } from 'preact/hooks';
import { get } from '../api.js';
import { html } from '../html.js';
import { link, Loaded, Page, Raw, Scroll, shortened, Tag, tongue, useLoad } from '../parts.js';
import { bytes, known, number, t, time } from '../words.js';

// every is how many milliseconds lie between two looks at nodes.
const every = 5000;

// others are the operator's pages beside this one.
const others = ['keys', 'roster', 'organisations', 'backups', 'logs'];

// Operating is an operator's page, with the links to the others.
export function Operating({ at, title, about, children }) {
  return html`<${Page} title=${title}>
    <nav class="parts" aria-label=${t('operate')}><ul>${['nodes', ...others].map((name) => html`<li key=${name}><a href=${link(name)} aria-current=${name === at ? 'page' : undefined}>${t('operate.' + name)}</a></li>`)}</ul></nav>
    <p class="muted">${about}</p>${children}
  <//>`;
}

// ForOperators says what the page is for where the desk's key is no operator's, and else shows what was loaded.
export function ForOperators({ of, children }) {
  const kind = of.problem?.problem?.kind;
  if (!['forbidden', 'token', 'no-key'].includes(kind)) return html`<${Loaded} of=${of}>${children}<//>`;
  return html`<div class="note"><p><strong>${t('operate.notyours')}</strong></p><p>${t('operate.whatfor')}</p>
    <p><code>weir desk --key operator.key --profile ready.json</code></p></div>`;
}

// useRepeated is useLoad that looks again by itself while the window is seen.
export function useRepeated(load, of) {
  const loaded = useLoad(load, of);
  useEffect(() => {
    const again = setInterval(() => document.hidden || loaded.problem || loaded.reload(), every);
    return () => clearInterval(again);
  }, [loaded.reload, Boolean(loaded.problem)]);
  return loaded;
}

export function Nodes() {
  const nodes = useRepeated((signal) => get('/api/nodes', signal), []);
  return html`<${Operating} at="nodes" title=${t('nodes')} about=${t('nodes.about')}>
    <${ForOperators} of=${nodes}>${(d) => html`
      <p class="row" role="status">
        <${Tag} kind=${d.well === d.nodes.length ? 'good' : 'bad'}>${t('nodes.well', { n: number(d.well), of: number(d.nodes.length) })}<//>
        <span>${d.leader ? t('nodes.leads', { node: d.leader }) : t('nodes.noleader')}</span>
        ${d.well < d.quorum && html`<strong>${t('nodes.noquorum', { n: number(d.quorum) })}</strong>`}
      </p>
      ${d.faults.length > 0 && html`<div class="note bad"><p><strong>${t('nodes.faults')}</strong></p><ul>${d.faults.map((f) => html`<li lang=${tongue(f)}>${shortened(f)}</li>`)}</ul></div>`}
      <ul class="cards">${d.nodes.map((n) => html`<li key=${n.node}><${Node} of=${n} /></li>`)}</ul>
      <h2>${t('nodes.blobs')}</h2>
      <${Scroll} label=${t('nodes.blobs')}><table>
        <thead><tr><th scope="col">${t('node')}</th><th scope="col" class="n">${t('nodes.stored')}</th><th scope="col" class="n">${t('nodes.bytes')}</th><th scope="col" class="n">${t('nodes.damaged')}</th><th scope="col" class="n">${t('nodes.repaired')}</th><th scope="col" class="n">${t('nodes.lost')}</th><th scope="col">${t('nodes.scrub')}</th></tr></thead>
        <tbody>${d.nodes.filter((n) => n.blobs).map(({ node, blobs: b }) => html`<tr key=${node}><th scope="row">${node}</th><td class="n">${number(b.stored)}</td><td class="n">${bytes(b.bytes)}</td><td class="n">${number(b.damaged)}</td>
          <td class="n">${number(b.repaired)}</td><td class="n">${number(b.lost)}</td><td class="nowrap">${time(b.last_scrub) || t('never')}</td></tr>`)}</tbody>
      </table><//>`}<//>
  <//>`;
}

function Node({ of: n }) {
  const kind = n.ready ? 'good' : 'bad';
  return html`<article>
    <h2 class="first">${n.node}</h2>
    <p class="row top"><${Tag} kind=${kind}>${t(n.ready ? 'node.ready' : n.sealed ? 'node.sealed' : n.answers ? 'node.waits' : 'node.away')}<//>
      ${n.state && html`<${Tag}>${known('ledger.' + n.state) ? t('ledger.' + n.state) : n.state}<//>`}</p>
    ${n.why && html`<p lang=${tongue(n.why)} class="long">${shortened(n.why)}</p>`}
    <${Raw} error=${n.error} why=${n.why} />
    ${[...new Set([...(n.reasons ?? []), ...(n.waiting ? [n.waiting] : []), ...(n.alarms ?? []), ...(n.fault ? [n.fault] : []), ...(n.no_vote ? [n.no_vote] : [])])].map((why) => html`<p lang=${tongue(why)} class="long">${shortened(why)}</p>`)}
    ${n.answers && html`<dl>
      <dt>${t('node.lag')}</dt><dd>${t('node.entries', { n: number(n.lag) })}</dd>
      <dt>${t('node.log')}</dt><dd>${t('node.entries', { n: number(n.entries) })}</dd>
      <dt>${t('node.disk')}</dt><dd>${bytes(n.free_bytes)}</dd>
      <dt>${t('node.sees')}</dt><dd>${n.alive?.join(', ') || t('none')}</dd>
      <dt>${t('node.shares')}</dt><dd>${time(n.shares_since) || '–'}</dd>
      ${n.shares_due && html`<dt>${t('node.due')}</dt><dd>${time(n.shares_due)}</dd>`}
      <dt>${t('node.tried')}</dt><dd>${time(n.shares_tried) || t('never')}</dd>
      ${n.version && html`<dt>${t('node.program')}</dt><dd>${n.version}</dd>`}
    </dl>`}
    <p class="muted"><span class="id">${n.addr}</span></p>
  </article>`;
}
