// For operators: who has a seat, and the rosters that are proposed.
import { useState } from 'preact/hooks';
import { get, post } from '../api.js';
import { html } from '../html.js';
import { Id, Problem, Scroll, useLoad } from '../parts.js';
import { number, t, time } from '../words.js';
import { ForOperators, Operating } from './nodes.js';

export function Roster({ session }) {
  const roster = useLoad((signal) => get('/api/roster', signal), []);
  const [failed, setFailed] = useState(null);
  const approve = (proposal) => async () => {
    setFailed(null);
    try {
      await post(`/api/roster/${proposal}/approve`, undefined);
    } catch (e) {
      setFailed(e);
    }
    roster.reload();
  };
  return html`<${Operating} at="roster" title=${t('roster')} about=${t('roster.about')}>
    <${Problem} of=${failed} />
    <${ForOperators} of=${roster}>${(d) => html`
      <p>${t('roster.opens', { n: number(d.threshold), of: number(d.seats.length) })} ${t('roster.changed', { n: number(d.changes), level: number(d.level) })}</p>
      <${Seats} of=${d.seats} label=${t('roster')} />
      <h2>${t('roster.proposals')}</h2>
      ${d.proposals.length === 0 && html`<p class="empty">${t('roster.noproposals')}</p>`}
      ${d.proposals.map((p) => html`<article key=${p.proposal}>
        <p class="row"><${Id} of=${p.proposal} /><span>${t('roster.opens', { n: number(p.threshold), of: number(p.nodes) })}</span><span class="muted">${time(p.proposed)}</span></p>
        ${p.comes.length > 0 && html`<h3>${t('roster.comes')}</h3><${Seats} of=${p.comes} label=${t('roster.comes')} />`}
        ${p.goes.length > 0 && html`<h3>${t('roster.goes')}</h3><${Seats} of=${p.goes} label=${t('roster.goes')} />`}
        <p>${t('roster.approvals', { n: number(p.seats), needed: number(p.needed) })} ${p.newcomers.length > 0 && t('roster.newcomers', { names: p.newcomers.join(', ') })}</p>
        ${p.mine ? html`<p class="muted">${t('roster.mine')}</p>` : html`<div class="row"><button disabled=${session.read_only} onClick=${approve(p.proposal)}>${t('roster.approve')}</button><small>${t('roster.compare')}</small></div>`}
      </article>`)}`}<//>
  <//>`;
}

function Seats({ of, label }) {
  return html`<${Scroll} label=${label}><table>
    <thead><tr><th scope="col">${t('node')}</th><th scope="col">${t('roster.institution')}</th><th scope="col">${t('roster.key')}</th><th scope="col">${t('roster.api')}</th><th scope="col">${t('roster.operator')}</th></tr></thead>
    <tbody>${of.map((s) => html`<tr key=${s.node}><th scope="row">${s.node}</th><td>${s.institution || '–'}</td><td class="nowrap"><span class="id">${s.key}</span></td><td class="nowrap"><span class="id">${s.api || s.addr}</span></td><td><${Id} of=${s.operator} /></td></tr>`)}</tbody>
  </table><//>`;
}
