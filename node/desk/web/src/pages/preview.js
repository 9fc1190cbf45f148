// What would be published: what files were taken for, coverage, what could be answered, and whether single entities stand
// out.
import { html } from '../html.js';
import { Scroll, tongue } from '../parts.js';
import { number, percent, t } from '../words.js';
import { Report } from './listing.js';

export function Preview({ of: d }) {
  const c = d.checked;
  const cells = (m) => (m.readings + m.gaps ? percent(Math.floor((1000 * m.readings) / (m.readings + m.gaps))) : '–');
  const warnings = [...(c.read.warnings ?? []), ...(c.unrelated ?? [])];
  return html`<div class="note good" role="status"><p><strong>${t('preview.right', { n: c.version || 1, dataset: c.dataset })}</strong></p>
      <p>${t('preview.extent', { entities: number(c.entities), first: c.first, last: c.last, readings: number(c.readings), gaps: number(c.gaps), tiles: number(c.tiles) })}</p></div>
    ${(d.notes ?? []).map((n) => html`<p class="note" lang=${tongue(n)}>${n}</p>`)}
    ${c.read.files.slice(0, 4).map((f) => html`<h3 key=${f.name}>${f.name}</h3>
      <p>${[f.kind, f.sheet, f.encoding, f.separator && t(f.separator === '\t' ? 'separator.tab' : f.separator === ';' ? 'separator.semicolon' : 'separator.comma'), t('preview.rows', { n: number(f.rows) })].filter(Boolean).join(' · ')}</p>
      <${Scroll} label=${f.name}><table><thead><tr><th scope="col" class="n">${t('faults.row')}</th>${f.header.map((h) => html`<th scope="col">${h}</th>`)}</tr></thead>
        <tbody>${(f.sample ?? []).map((r) => html`<tr><th scope="row" class="n">${r.row}</th>${f.header.map((h, i) => html`<td>${r.fields[i] ?? ''}</td>`)}</tr>`)}</tbody></table><//>`)}
    ${c.read.files.length > 4 && html`<p>${t('preview.morefiles', { n: number(c.read.files.length - 4) })}</p>`}
    <h3>${t('preview.coverage')}</h3>
    <${Scroll} label=${t('preview.coverage')}><table><thead><tr><th scope="col">${t('listing.measure')}</th><th scope="col" class="n">${t('preview.readings')}</th><th scope="col" class="n">${t('preview.gaps')}</th><th scope="col" class="n">${t('preview.part')}</th></tr></thead>
      <tbody>${c.measures.map((m) => html`<tr><th scope="row">${m.name}</th><td class="n">${number(m.readings)}</td><td class="n">${number(m.gaps)}</td><td class="n">${cells(m)}</td></tr>`)}</tbody></table><//>
    ${c.closed && html`<p>${t('preview.final')} ${c.closed}</p>`}
    ${warnings.map((w) => html`<p class="note bad" lang=${tongue(w)}>${w}</p>`)}
    ${(c.read.alike ?? []).map((a) => html`<p class="note bad">${t('preview.alike', { column: a.column, values: a.values.join(', ') })}</p>`)}
    ${(c.too_wide ?? []).map((w) => html`<p class="note bad">${t('preview.wide', { measure: w.measure, width: w.width, widest: w.widest, unit: w.unit })}</p>`)}
    <h3>${t('listing.answerable')}</h3>
    ${c.answerable ? html`<${Report} of=${c.answerable} />` : html`<p>${t('answerable.public')}</p>`}
    ${c.dominance?.checked > 0 && html`<h3>${t('dominance')}</h3><${Dominance} of=${c.dominance} />`}`;
}

function Dominance({ of: d }) {
  return html`<p>${t(d.failed ? 'dominance.fails' : 'dominance.passes', { failed: number(d.failed), checked: number(d.checked) })}</p>
    ${d.failed > 0 && html`<${Scroll} label=${t('dominance')}><table><thead><tr><th scope="col">${t('listing.measure')}</th><th scope="col">${t('dominance.group')}</th><th scope="col">${t('time')}</th><th scope="col" class="n">${t('listing.entities')}</th></tr></thead>
      <tbody>${d.list.map((x) => html`<tr><th scope="row">${x.measure}</th><td>${x.group?.join(' × ') || t('answerable.total')}</td><td>${x.period}</td><td class="n">${number(x.entities)}</td></tr>`)}</tbody></table><//>
    <ul>${(d.remedies ?? []).map((r) => html`<li>${r.merge ? t('dominance.merge', { group: r.group.join(' × '), other: r.merge.join(' × ') }) : r.cube?.length ? t('dominance.cube', { group: r.group.join(' × '), cube: r.cube.join(', ') }) : t('dominance.coarser')}</li>`)}</ul>`}`;
}
