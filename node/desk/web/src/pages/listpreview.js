// What stays of a portfolio's file, before anything of it is sent.
import { html } from '../html.js';
import { Problem, Scroll, Tag, tongue } from '../parts.js';
import { number, t } from '../words.js';

export function ListPreview({ of: p, weighted }) {
  return html`<h2>${t('listed')}</h2>
    <div class=${`note ${p.ready ? (p.unknown ? '' : 'good') : 'bad'}`} role="status"><p><strong>${p.wrong > 0 ? t('listed.unread') : t(p.entries === 1 ? 'listed.entry' : 'listed.entries', { n: number(p.entries), of: number(p.total), all: number(p.of), registry: p.registry })}</strong></p>
      ${p.unknown > 0 && html`<p>${t(p.unknown === 1 ? 'listed.unknownone' : 'listed.unknown', { n: number(p.unknown), registry: p.registry })}</p>`}
      ${p.wrong > 0 && html`<p>${t(p.wrong === 1 ? 'listed.wrongone' : 'listed.wrong', { n: number(p.wrong) })}</p>`}
      ${p.faults.map((f) => html`<p lang=${tongue(f.message)}>${f.message}${f.want && `; ${f.want}`}</p>`)}
      ${p.known > 0 && html`<p>${t('listed.known', { name: p.name, n: p.known })}</p>`}
      ${p.elsewhere && html`<p>${t('listed.elsewhere', { name: p.name, n: p.version })}</p>`}
      ${!p.known && p.version > 1 && html`<p>${t('register.other')}</p>`}</div>
    ${p.weights && html`<${Weights} of=${p.weights} told=${p.told} />`}
    ${p.pieces?.length > 1 && html`<p>${t('listed.pieces', { n: number(p.pieces.length) })} ${p.pieces.map((x) => `${x.name}: ${number(x.entities)}`).join(' · ')}</p>`}
    ${p.refused && html`<h3>${t('listed.figures')}</h3><${Problem} of=${{ problem: p.refused }} />`}
    ${p.figures && html`<${Figures} of=${p.figures} />`}
    ${p.rows.length > 0 && html`<${Rows} of=${p} />`}
    ${p.ready && html`<${Told} of=${p} weighted=${weighted} />`}`;
}

function Weights({ of: w, told }) {
  return html`<dl>
    <dt>${t('listed.weights')}</dt><dd>${w.least} – ${w.most}${w.zero > 0 && ` · ${t('listed.zero', { n: number(w.zero) })}`}</dd>
    <dt>${t('listed.possible')}</dt><dd>${t('listed.possibleof', { most: w.possible, bits: told.bits })}</dd>
    ${w.bound && html`<dt>${t('listed.bound')}</dt><dd>${w.bound}${w.bounded > 0 && ` · ${t('listed.bounded', { n: number(w.bounded) })}`}</dd>`}
    ${w.over > 0 && html`<dt>${t('listed.over')}</dt><dd>${t('listed.overof', { n: number(w.over), needed: w.needed })}</dd>`}
  </dl>`;
}

// Figures are what the query that a list is meant for would be answered with.
export function Figures({ of: f }) {
  return html`<h3>${t('listed.figures')}</h3>
    <p class="muted">${t('listed.asof', { dataset: f.dataset, n: f.as_of })}${f.outside > 0 && ` ${t('listed.outside', { n: number(f.outside) })}`}</p>
    <${Scroll} label=${t('listed.figures')}><table>
      <thead><tr><th scope="col">${t('listed.measure')}</th><th scope="col">${t('listed.group')}</th><th scope="col" class="n">${t('listed.listed')}</th><th scope="col" class="n">${t('listed.in')}</th></tr></thead>
      <tbody>${f.figures.slice(0, 100).map((x) => html`<tr><td>${x.measure}</td><td>${[...(x.group ?? []), ...(x.piece ? [x.piece] : [])].join(', ') || t('answerable.total')}</td><td class="n">${number(x.listed)}</td><td class="n">${x.least === x.most ? number(x.least) : `${number(x.least)} – ${number(x.most)}`}</td></tr>`)}</tbody>
    </table><//>`;
}

const good = (r) => r.state === 'taken' || r.state === 'open';

// Rows are the file's, with what becomes of each.
function Rows({ of: p }) {
  return html`<${Scroll} label=${t('listed.rows')}><table class="faults">
      <thead><tr><th scope="col" class="n">${t('faults.row')}</th><th scope="col">${t('listed.state')}</th>${p.header.map((h) => html`<th scope="col">${h}</th>`)}</tr></thead>
      <tbody>${p.rows.map((r) => html`<tr key=${r.row} class=${good(r) ? '' : 'wrong'}><th scope="row" class="n">${r.row}</th>
        <td class=${r.faults ? 'sentence' : 'nowrap'}><${Tag} kind=${r.state === 'open' ? '' : good(r) ? 'good' : 'bad'}>${t('liststate.' + r.state)}<//>${r.state === 'unknown' ? html`<p>${t('listed.mendid')}</p>` : (r.faults ?? []).map((f) => html`<p lang=${tongue(f.message)}>${f.message}${f.want && `; ${f.want}`}</p>`)}</td>
        ${p.header.map((_, at) => html`<td class=${(r.faults ?? []).some((f) => f.at === at) ? 'cell' : ''}>${r.fields[at] ?? ''}</td>`)}</tr>`)}</tbody>
    </table><//>
    ${p.total > p.rows.length && html`<p class="muted">${t('listed.first', { n: number(p.rows.length), of: number(p.total) })}</p>`}`;
}

// Told says what everybody is told by a registration, and what nobody is.
export function Told({ of: p, weighted, book }) {
  const told = p.told;
  return html`<div class="split even">
    <div><h3>${t('told')}</h3><ul>
      <li>${t('told.name', { name: told.name, registry: told.registry })}</li>
      <li>${t('told.shares', { n: number(told.entities) })}</li>
      ${weighted ? html`<li>${t('told.bits', { bits: told.bits, decimals: told.decimals })}</li>${told.bound && html`<li>${t('told.bound', { bound: told.bound })}</li>`}`
    : html`<li>${told.pieces > 1 ? t('told.pieces', { n: number(told.pieces) }) : t('told.list')}</li><li>${told.by?.length ? t('told.by', { by: told.by.join(', ') }) : t('told.whole')}</li>`}
      <li>${t('told.later')}</li>
    </ul></div>
    <div><h3>${t('nottold')}</h3><ul>
      <li>${t('nottold.who')}</li>
      ${weighted ? html`<li>${t('nottold.weights')}</li>` : told.pieces > 1 && html`<li>${t('nottold.pieces')}</li>`}
      ${book && html`<li>${t('nottold.book')}</li>`}
      <li>${t('nottold.file')}</li>
      <li>${t('nottold.threshold')}</li>
    </ul></div></div>`;
}
