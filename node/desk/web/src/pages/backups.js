// For operators: the backups of the archive, drills with them, deposits of nodes' shares, and restores.
import { get } from '../api.js';
import { html } from '../html.js';
import { Id, Problem, Scroll, Tag, tongue, useLoad } from '../parts.js';
import { bytes, number, t, time } from '../words.js';
import { ForOperators, Operating } from './nodes.js';

export function Backups() {
  const backups = useLoad((signal) => get('/api/backups', signal), []);
  return html`<${Operating} at="backups" title=${t('backups')} about=${t('backups.about')}>
    <${ForOperators} of=${backups}>${(d) => html`
      ${!d.archive && html`<p class="note">${t('backups.noarchive')} <code>weir desk --archive DIR</code></p>`}
      <${Problem} of=${d.away && { problem: d.away }} />
      ${d.damaged.length > 0 && html`<div class="note bad"><ul>${d.damaged.map((w) => html`<li lang=${tongue(w)}>${w}</li>`)}</ul></div>`}
      ${d.archive && !d.away && (d.backups.length === 0 ? html`<p class="empty">${t('backups.empty')} <code>weir operator backup create</code></p>` : html`
        <${Scroll} label=${t('backups')}><table>
          <thead><tr><th scope="col">${t('backups.made')}</th><th scope="col" class="n">${t('backups.entries')}</th><th scope="col" class="n">${t('nodes.stored')}</th><th scope="col" class="n">${t('nodes.bytes')}</th><th scope="col">${t('backups.backup')}</th></tr></thead>
          <tbody>${d.backups.map((b) => html`<tr key=${b.backup}><th scope="row">${time(b.made)}</th><td class="n">${number(b.entries)}</td><td class="n">${number(b.blobs)}</td><td class="n">${bytes(b.bytes)}</td>
            <td><span class="id">${b.backup}</span> ${b.other && html`<${Tag} kind="bad">${t('backups.other')}<//>`}</td></tr>`)}</tbody>
        </table><//>`)}
      <h2>${t('drills')}</h2>
      ${!d.drill?.at ? html`<p>${t('drills.none')} <code>weir operator drill</code></p>` : html`<dl>
        <dt>${t('drills.last')}</dt><dd>${time(d.drill.at)} <${Tag} kind=${d.sound ? 'good' : 'bad'}>${d.sound ? t('drills.sound') : t('drills.differs', { n: number(d.differs) })}<//></dd>
        <dt>${t('drills.of')}</dt><dd>${t('node.entries', { n: number(d.drill.size) })} · ${time(d.drill.made)}</dd>
        <dt>${t('drills.since')}</dt><dd>${time(d.drill.sound_at) || t('never')}</dd>
      </dl>`}
      <h2>${t('deposits')}</h2>
      ${d.behind?.length > 0 && html`<p class="note">${t('deposits.behind', { nodes: d.behind.join(', ') })}</p>`}
      ${d.deposits.length === 0 ? html`<p class="empty">${t('deposits.none')}</p>` : html`<${Scroll} label=${t('deposits')}><table>
        <thead><tr><th scope="col">${t('node')}</th><th scope="col">${t('backups.made')}</th><th scope="col">${t('state')}</th><th scope="col">${t('deposits.custodians')}</th></tr></thead>
        <tbody>${d.deposits.map((x) => html`<tr key=${x.deposit}><th scope="row">${x.node}</th><td class="nowrap">${time(x.made)}</td>
          <td><${Tag} kind=${x.current ? 'good' : 'bad'}>${t(x.current ? 'deposits.current' : x.burned ? 'deposits.burned' : x.void ? 'deposits.void' : 'deposits.old')}<//></td><td>${t('keys.open', { n: number(x.threshold), of: number(x.custodians) })}</td></tr>`)}</tbody>
      </table><//>`}
      <h2>${t('restores')}</h2>
      ${!d.restores?.length ? html`<p class="muted">${t('restores.none')}</p>` : html`<ul>${d.restores.map((r) => html`<li key=${r.number}>${time(r.at)}: ${t('restores.line', { entries: number(r.order.size), seen: number(r.seen) })} ${t(r.open ? 'restores.open' : 'restores.closed')}</li>`)}</ul>`}`}<//>
  <//>`;
}
