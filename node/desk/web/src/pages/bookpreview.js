// A loan book before it is asked about, row by row, and the report of its financed emissions.
import { html } from '../html.js';
import { Problem, Scroll, shortened, Tag, tongue } from '../parts.js';
import { figure, known, number, t } from '../words.js';
import { Figures, Told } from './listpreview.js';

const share = (text) => (text ? `${figure(text)} %` : '–');

export function BookPreview({ of: p, busy }) {
  const x = p.preview, r = x?.report, c = r?.coverage;
  return html`<h2 aria-busy=${busy ? 'true' : undefined}>${t('listed')}</h2>
    <div class=${`note ${p.ready ? (r.unmatched.length ? '' : 'good') : 'bad'}`} role="status">
      <p><strong>${x ? t('book.covered', { n: number(c.loans_attributed), of: number(c.loans), share: c.share_attributed || '0' }) : t('listed.unread')}</strong></p>
      ${p.wrong > 0 && html`<p>${t(p.wrong === 1 ? 'listed.wrongone' : 'listed.wrong', { n: number(p.wrong) })}</p>`}
      ${p.faults.map((f) => html`<p lang=${tongue(f.message)}>${f.column && `${f.column}: `}${f.message}${f.want && `; ${f.want}`}</p>`)}
      ${r?.list.existed && html`<p>${t('book.existed', { name: r.list.name, n: r.list.version })}</p>`}
      ${x && !r.list.existed && r.list.version > 1 && r.method === 'pieces' && html`<p>${t('register.other')}</p>`}</div>
    ${p.refused && html`<${Problem} of=${{ problem: p.refused }} />`}
    ${x && html`<${Coverage} of=${r} />
      ${(r.pieces ?? []).length > 0 && html`<h3>${t('book.pieces')}</h3><${Pieces} of=${r} />`}
      ${r.rounding && html`<p>${t('book.rounding', { bits: r.list.bits, decimals: r.list.decimals, share: r.rounding })}</p>`}
      <${Notes} of=${r} />`}
    ${x?.figures && html`<${Figures} of=${x.figures} />`}
    ${p.rows.length > 0 && html`<h3>${t('listed.rows')}</h3><${Rows} of=${p} />`}
    ${x?.explain && html`<${Cost} of=${x} />`}
    ${x?.told && html`<${Told} of=${{ told: x.told }} weighted=${x.told.bits > 0} book />`}`;
}

// Coverage says how much of a book the figures are of.
function Coverage({ of: r }) {
  const c = r.coverage;
  return html`<dl>
    <dt>${t('book.inregistry')}</dt><dd>${t('book.loans', { n: number(c.loans_matched), of: number(c.loans) })} · ${figure(c.outstanding_matched)} / ${figure(c.outstanding)} ${r.currency} (${share(c.share_matched)})</dd>
    <dt>${t('book.withfactor')}</dt><dd>${t('book.loansof', { n: number(c.loans_attributed), of: number(c.loans), borrowers: number(c.borrowers_attributed), all: number(c.borrowers) })} · ${figure(c.outstanding_attributed)} ${r.currency} (${share(c.share_attributed)})</dd>
  </dl>`;
}

function Pieces({ of: r }) {
  const figures = r.measures.length > 0;
  return html`<${Scroll} label=${t('book.pieces')}><table>
    <thead><tr><th scope="col">${t('book.piece')}</th><th scope="col" class="n">${t('book.borrowers')}</th><th scope="col" class="n">${t('book.factor')}</th><th scope="col" class="n">${t('book.range')}</th>${figures && r.measures.map((m) => html`<th scope="col" class="n">${m.measure} <small>(t)</small></th>`)}</tr></thead>
    <tbody>${r.pieces.map((x) => html`<tr><th scope="row">${x.piece}</th><td class="n">${number(x.borrowers)}</td><td class="n">${x.factor_mean}</td><td class="n">${x.factor_least === x.factor_most ? t('book.same') : `${x.factor_least} – ${x.factor_most}`}</td>${figures && r.measures.map((m) => html`<td class="n">${figure(x.emissions_t[m.measure])}</td>`)}</tr>`)}</tbody>
  </table><//>`;
}

const Notes = ({ of: r }) => r.notes.length > 0 && html`<ul class="muted">${r.notes.map((n) => html`<li lang=${tongue(n)}>${n}</li>`)}</ul>`;

const good = (r) => r.state === 'taken' || r.state === 'open';

// Rows are the file's, with what becomes of each, its factor and its piece.
function Rows({ of: p }) {
  const factors = Boolean(p.preview);
  return html`<${Scroll} label=${t('listed.rows')}><table class="faults">
      <thead><tr><th scope="col" class="n">${t('faults.row')}</th><th scope="col">${t('listed.state')}</th>${factors && html`<th scope="col" class="n">${t('book.factor')}</th><th scope="col">${t('book.piece')}</th>`}${p.header.map((h) => html`<th scope="col">${h}</th>`)}</tr></thead>
      <tbody>${p.rows.map((r) => html`<tr key=${r.row} class=${good(r) ? '' : 'wrong'}><th scope="row" class="n">${r.row}</th>
        <td class=${r.faults || r.near ? 'sentence' : 'nowrap'}><${Tag} kind=${r.state === 'open' ? '' : good(r) ? 'good' : 'bad'}>${t('liststate.' + r.state)}<//>${r.near && html`<p>${t('book.near', { ids: r.near.join(', ') })}</p>`}${(r.faults ?? []).map((f) => html`<p lang=${tongue(f.message)}>${f.message}${f.want && `; ${f.want}`}</p>`)}</td>
        ${factors && html`<td class="n">${r.factor ?? ''}</td><td>${r.piece ?? ''}</td>`}
        ${p.header.map((_, at) => html`<td class=${(r.faults ?? []).some((f) => f.at === at) ? 'cell' : ''}>${r.fields[at] ?? ''}</td>`)}</tr>`)}</tbody>
    </table><//>
    ${p.total > p.rows.length && html`<p class="muted">${t('listed.first', { n: number(p.rows.length), of: number(p.total) })}</p>`}`;
}

// Cost is what asking would release and cost.
function Cost({ of: x }) {
  const e = x.explain;
  return html`<h3>${t('book.cost')}</h3><dl>
    <dt>${t('explain.cost')}</dt><dd>${e.repeats ? t('explain.repeats') : e.price ? `${figure(e.price)} ${e.currency ?? ''}` : t('explain.free')}</dd>
    ${e.budget_left && html`<dt>${t('explain.budget')}</dt><dd>${figure(e.budget_left)} ${e.currency ?? ''}</dd>`}
    ${e.queries_left != null && html`<dt>${t('explain.queries')}</dt><dd>${number(e.queries_left)}</dd>`}
    ${e.noise && html`<dt>${t('explain.epsilon')}</dt><dd>${t('explain.epsilonof', { epsilon: e.noise.epsilon, left: e.noise.contract.left, limit: e.noise.contract.limit, family: e.noise.family.left })}</dd>`}
    ${(e.noise?.sums ?? []).map((s) => html`<dt>${t('explain.noise')}</dt><dd>${s.what}: ± ${s.interval95} ${s.unit}</dd>`)}
    <dt>${t('explain.dataset')}</dt><dd>${t('explain.version', { dataset: e.dataset, version: e.version })}</dd>
    <dt>${t('book.sql')}</dt><dd><code>${x.sql}</code></dd></dl>
    ${x.unweighted && html`<p class="muted">${t('book.unweighted')}</p>`}
    <p class="muted" lang=${tongue(e.verdict[0])}>${shortened(e.verdict.join(' · '))}</p>
    <details><summary>${t('explain.nodes')}</summary><p lang=${tongue(e.nodes)}>${e.nodes}</p></details>`;
}

// BookReport is a report, as a table of its measures with what they are of.
export function BookReport({ of: r, whole }) {
  return html`<${Scroll} label=${t('financed')}><table>
      <thead><tr><th scope="col">${t('listed.measure')}</th><th scope="col" class="n">${t('book.financed')} <small>(t)</small></th><th scope="col" class="n">${t('book.precision')}</th><th scope="col" class="n">${t('book.intensity', { currency: r.currency })}</th><th scope="col" class="n">${t('book.score')}</th><th scope="col" class="n">${t('book.infigure')}</th></tr></thead>
      <tbody>${r.measures.map((m) => html`<tr><th scope="row">${m.measure}${m.scope && html` <small>${t('book.scope', { scope: m.scope })}</small>`}</th><td class="n">${figure(m.financed_t)}</td>
        <td class="n">${m.interval95_t ? `± ${figure(m.interval95_t)}` : m.exact ? t('book.exact') : m.financed_least_t ? `${figure(m.financed_least_t)} – ${figure(m.financed_most_t)}` : '–'}</td>
        <td class="n">${m.t_per_million ? figure(m.t_per_million) : '–'}</td><td class="n">${m.data_quality || '–'}</td>
        <td class="n">${share(m.share_in_figure)}${m.present && html`<br /><small>${t('book.present', { whole: number(m.present.in_every_period), some: number(m.present.in_some_periods), none: number(m.present.in_none) })}</small>`}</td></tr>`)}</tbody>
    </table><//>
    ${!whole && html`<p><strong>${t('answer.notwhole')}</strong></p>`}
    <${Coverage} of=${r} />
    ${(r.periods_not_published ?? []).length > 0 && html`<p>${t('book.notthere', { periods: r.periods_not_published.join(', ') })}</p>`}
    <p class="muted">${r.standard} · ${t('financed.denominator')}: ${known('bookpart.' + r.denominator) ? t('bookpart.' + r.denominator) : r.denominator} · ${t('book.list', { name: r.list.name, n: r.list.version })}</p>
    <${Notes} of=${r} />
    ${(r.pieces ?? []).length > 0 && html`<details><summary>${t('book.pieces')}</summary><${Pieces} of=${r} /></details>`}
    ${r.unmatched.length > 0 && html`<details><summary>${t('book.unmatched', { n: number(r.unmatched.length) })}</summary><${Scroll} label=${t('book.unmatched', { n: number(r.unmatched.length) })}><table>
      <thead><tr><th scope="col" class="n">${t('faults.row')}</th><th scope="col">${t('book.id')}</th><th scope="col" class="n">${t('book.outstanding')}</th><th scope="col">${t('book.why')}</th></tr></thead>
      <tbody>${r.unmatched.slice(0, 200).map((u) => html`<tr><th scope="row" class="n">${u.row}</th><td>${u.id}${u.name && ` (${u.name})`}</td><td class="n">${figure(u.outstanding)}</td><td>${t('liststate.' + (u.why === 'no denominator' ? 'noshare' : 'unknown'))}${u.near && ` · ${t('book.near', { ids: u.near.join(', ') })}`}</td></tr>`)}</tbody></table><//></details>`}`;
}
