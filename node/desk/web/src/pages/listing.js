// A dataset's listing.
import { useMemo } from 'preact/hooks';
import { get } from '../api.js';
import { Lines } from '../chart.js';
import { html } from '../html.js';
import { Id, link, Loaded, Page, Scroll, state, Tag, useLoad, tongue } from '../parts.js';
import { figure, number, percent, t, time, titled } from '../words.js';

export function Listing({ of, session }) {
  const path = '/api/datasets/' + encodeURIComponent(of);
  const listing = useLoad((signal) => get(path, signal), [of]);
  const title = listing.data ? titled(listing.data.title) || of : of;
  return html`<${Page} title=${title}>
    <${Loaded} of=${listing}>${(d) => html`
      <div class="row">
        <span class="id">${d.id}</span>
        <${Tag}>${t(d.public ? 'access.public' : 'access.protected')}<//>
        ${d.withdrawn && html`<${Tag} kind="bad">${t('listing.withdrawn')}<//>`}
        ${d.contract && html`<${Tag} kind="good">${t('catalogue.contract')}<//>`}
        ${d.own && html`<${Tag} kind="good">${t('catalogue.own')}<//>`}
      </div>
      ${titled(d.description) && html`<p>${titled(d.description)}</p>`}
      ${session.principal && html`<p class="row">
        ${!d.own && !session.read_only && html`<a role="button" href=${link('order', { dataset: d.id })}>${t('listing.order')}</a>`}
        ${d.samples[0] && html`<a role="button" class="plain" href=${link('query', { sql: d.samples[0].sql })}>${t('listing.ask')}</a>`}
      </p>`}
      <dl>
        ${d.live > 0 && html`<dt>${t('listing.extent')}</dt><dd>${t('listing.periods', { first: d.first, last: d.last, grain: t('grain.' + d.grain), offset: d.utc_offset })}</dd>
        <dt>${t('listing.entities')}</dt><dd>${t('listing.of', { n: number(d.entities), entity: d.entity, registry: d.registry })}</dd>`}
        <dt>${t('listing.columns')}</dt><dd>${d.columns.length ? d.columns.join(', ') : t('none')}</dd>
        <dt>${t('listing.license')}</dt><dd>${d.license}</dd>
        <dt>${t('listing.price')}</dt><dd>${d.price ? t('price', { amount: d.price.per_query, currency: d.price.currency }) : t('listing.free')}</dd>
        ${d.contracts.length > 0 && html`<dt>${t('listing.contracts')}</dt><dd>${d.contracts.map((k) => html`<a href=${link('contract/' + k)}><${Id} of=${k} /></a> `)}</dd>`}
      </dl>

      <h2 id="dictionary">${t('listing.dictionary')}</h2>
      <${Scroll} label=${t('listing.dictionary')}><table>
        <thead><tr><th scope="col">${t('listing.measure')}</th><th scope="col">${t('listing.unit')}</th><th scope="col" class="n">${t('listing.least')}</th><th scope="col" class="n">${t('listing.most')}</th><th scope="col" class="n">${t('listing.decimals')}</th><th scope="col">${t('listing.codes')}</th></tr></thead>
        <tbody>${d.dictionary.map((m) => html`<tr><th scope="row">${m.name}</th><td>${m.unit}</td><td class="n">${figure(m.least)}</td><td class="n">${figure(m.most)}</td><td class="n">${m.decimals}</td><td>${[m.ucum && 'UCUM ' + m.ucum, m.pollutant && 'HJ 212 ' + m.pollutant].filter(Boolean).join(', ') || '–'}</td></tr>`)}</tbody>
      </table><//>

      <h2 id="samples">${t('listing.samples')}</h2>
      ${d.samples.length === 0 && html`<p class="muted">${t('catalogue.none')}</p>`}
      ${d.samples.map((s) => html`<article key=${s.title}>
        <h3>${t('sample.' + s.title)}</h3>
        <pre class="sql" translate="no">${s.sql}</pre>
        ${session.principal && html`<div class="row" style=${{ marginTop: '.5rem' }}>
          <a role="button" class="plain" href=${link('query', { sql: s.sql })}>${t('listing.open')}</a>
          ${!d.own && !session.read_only && html`<a href=${link('order', { sql: s.sql, dataset: d.id })}>${t('listing.orderfor')}</a>`}
        </div>`}
      </article>`)}

      <h2 id="coverage">${t('listing.coverage')}</h2>
      <${Coverage} path=${path} />

      <h2 id="answerable">${t('listing.answerable')}</h2>
      <${Answerable} path=${path} />

      <h2 id="policy">${t('listing.policy')}</h2>
      <ul lang=${tongue(d.policy.join())}>${d.policy.map((line) => html`<li>${line}</li>`)}</ul>

      <h2 id="versions">${t('listing.versions')}</h2>
      ${d.amended > 0 && html`<p>${t('listing.amended', { n: number(d.amended), time: time(d.amended_at) })}</p>`}
      <${Scroll} label=${t('listing.versions')}><table>
        <thead><tr><th scope="col" class="n">${t('listing.version')}</th><th scope="col">${t('state')}</th><th scope="col">${t('listing.extent')}</th><th scope="col" class="n">${t('listing.entities')}</th><th scope="col">${t('listing.since')}</th></tr></thead>
        <tbody>${d.versions.map((v) => html`<tr><th scope="row" class="n">${v.version}</th>
          <td>${v.withdrawn ? t('listing.withdrawn') : state(v.state)}${v.reason && html` <small lang=${tongue(v.reason)}>${v.reason}</small>`}</td>
          <td class="nowrap">${v.first} – ${v.last}</td><td class="n">${number(v.entities)}</td><td class="nowrap">${time(v.live || v.proposed)}</td></tr>`)}</tbody>
      </table><//>`}<//>
  <//>`;
}

function Coverage({ path }) {
  const coverage = useLoad((signal) => get(path + '/coverage', signal), [path]);
  return html`<${Loaded} of=${coverage}>${(c) => c.periods.length === 0 ? html`<p class="muted">${t('catalogue.none')}</p>` : html`<${CoveragePlot} of=${c} />`}<//>`;
}

function CoveragePlot({ of: c }) {
  const shown = useMemo(() => c.series.slice(0, 6).map((s) => ({ label: s.measure, values: s.permille.map((p) => p / 10) })), [c]);
  const least = Math.min(...c.series.flatMap((s) => s.permille));
  return html`<${Lines} times=${c.from} names=${c.periods} series=${shown} unit="%" range=${[0, 100]}
      caption=${t('listing.coverageabout', { n: number(c.periods.length), grain: t('grain.' + c.grain), least: percent(least) })} />
    ${c.series.length > shown.length && html`<p class="muted">${t('listing.firstmeasures', { n: number(shown.length), of: number(c.series.length) })}</p>`}`;
}

export function Answerable({ path }) {
  const answerable = useLoad((signal) => get(path + '/answerable', signal), [path]);
  return html`<${Loaded} of=${answerable}>${(a) => a.public ? html`<p>${t('answerable.public')}</p>` : html`<${Report} of=${a.report} />`}<//>`;
}

export function Report({ of: r }) {
  if (!r.levels?.length) return html`<p class="muted">${t('answerable.nothing')}</p>`;
  return html`<p class="muted">${t('answerable.about', { n: number(r.min_cohort) })}</p>
    <${Scroll} label=${t('listing.answerable')}><table>
      <thead><tr><th scope="col">${t('answerable.by')}</th><th scope="col" class="n">${t('answerable.groups')}</th><th scope="col">${t('listing.measure')}</th><th scope="col" class="n">${t('answerable.complete')}</th><th scope="col" class="n">${t('answerable.whole')}</th><th scope="col" class="n">${t('answerable.covered')}</th><th scope="col" class="n">${t('answerable.withheld')}</th></tr></thead>
      <tbody>${r.levels.flatMap((l) => l.measures.map((m) => html`<tr>
        <th scope="row">${l.by.length ? l.by.join(' × ') : t('answerable.total')}</th><td class="n">${number(l.groups)}</td><td>${m.measure}</td>
        <td class="n">${number(m.complete)} / ${number(l.groups)}</td><td class="n">${number(m.whole)} / ${number(m.figures)}</td>
        <td class="n">${m.of ? percent(Math.floor((1000 * m.included) / m.of)) : '–'}</td><td class="n">${number(m.withheld)}</td></tr>`))}</tbody>
    </table><//>`;
}
