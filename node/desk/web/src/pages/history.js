// One's own queries, and answers of the own store.
import { get } from '../api.js';
import { Answer } from '../answer.js';
import { html } from '../html.js';
import { Id, link, Loaded, Page, Problem, Scroll, state, Tag, useLoad } from '../parts.js';
import { figure, t, time } from '../words.js';
import { addressOf } from './query.js';

export function History() {
  const history = useLoad((signal) => get('/api/history', signal), []);
  return html`<${Page} title=${t('history')}>
    <p class="muted">${t('history.about')}</p>
    <${Loaded} of=${history}>${(h) => html`
      <${Problem} of=${h.away && { problem: h.away }} />
      ${h.queries.length === 0 ? html`<p class="empty">${t('history.empty')} <a href="#/catalogue">${t('nav.catalogue')}</a></p>` : html`
      <${Scroll} label=${t('history')}><table>
        <thead><tr><th scope="col">${t('time')}</th><th scope="col">${t('query.sql')}</th><th scope="col">${t('state')}</th><th scope="col" class="n">${t('explain.cost')}</th><th scope="col">${t('history.open')}</th></tr></thead>
        <tbody>${h.queries.map((q) => html`<tr key=${q.query}>
          <td class="nowrap">${time(q.accepted)}<br /><${Id} of=${q.query} /></td>
          <td style=${{ minWidth: '16rem' }}>${q.sql ? html`<pre class="sql" translate="no">${q.sql}</pre>` : html`<span class="muted">${t('history.forgotten', { dataset: q.dataset })}</span>`}</td>
          <td class="nowrap">${state(q.state)}${q.epsilon && html` <${Tag}>ε ${q.epsilon}<//>`}</td>
          <td class="n">${q.refunded ? t('history.refunded') : q.repeats ? t('history.repeat') : q.price ? figure(q.price) : '0'}</td>
          <td class="nowrap">${q.kept && html`<a href=${link('answer/' + q.query)}>${t('history.read')}</a><br />`}${q.sql && html`<a href=${addressOf({ sql: q.sql, epsilon: q.epsilon })}>${t('history.edit')}</a>`}</td>
        </tr>`)}</tbody>
      </table><//>`}`}<//>
  <//>`;
}

export function Kept({ of, session }) {
  const answer = useLoad((signal) => get('/api/answers/' + encodeURIComponent(of), signal), [of]);
  return html`<${Page} title=${t('answer')}>
    <${Loaded} of=${answer}>${(a) => html`
      <pre class="sql" translate="no">${a.question.sql}</pre>
      <p class="row" style=${{ marginTop: '.5rem' }}><a role="button" class="plain" href=${addressOf(a.question)}>${t('history.edit')}</a></p>
      <${Answer} of=${a} free=${true} session=${session} />`}<//>
  <//>`;
}
