// Orders, contracts, and the statement of one.
import { get, query } from '../api.js';
import { html } from '../html.js';
import { Field, go, Id, link, Loaded, Page, Scroll, state, Tag, useLoad } from '../parts.js';
import { day, figure, number, t, time } from '../words.js';

export function Contracts({ session }) {
  const contracts = useLoad((signal) => get('/api/contracts', signal), []);
  const orders = useLoad((signal) => get('/api/orders', signal), []);
  return html`<${Page} title=${t('contracts')}>
    <${Loaded} of=${contracts}>${({ contracts: all }) => all.length === 0 ? html`<p class="empty">${t('contracts.empty')} <a href="#/catalogue">${t('nav.catalogue')}</a></p>` : html`
      <${Scroll} label=${t('contracts')}><table>
        <thead><tr><th scope="col">${t('contract')}</th><th scope="col">${t('explain.dataset')}</th><th scope="col">${t('state')}</th><th scope="col">${t('contract.until')}</th><th scope="col" class="n">${t('contract.used')}</th><th scope="col" class="n">${t('contract.spent')}</th><th scope="col" class="n">${t('contract.epsilon')}</th></tr></thead>
        <tbody>${all.map((k) => html`<tr key=${k.id}>
          <th scope="row"><a href=${link('contract/' + k.id)}><${Id} of=${k.id} /></a></th>
          <td><a href=${link('dataset/' + k.dataset)}>${k.dataset}</a></td>
          <td><${Tag} kind=${k.state === 'active' ? 'good' : 'bad'}>${state(k.state)}<//></td>
          <td class="nowrap">${day(k.until)}</td>
          <td class="n">${number(k.used)} / ${k.queries ? number(k.queries) : '∞'}</td>
          <td class="n">${figure(k.spent || '0')} / ${k.budget ? figure(k.budget) : '∞'} ${k.price?.currency ?? ''}</td>
          <td class="n">${k.epsilon_account ? `${k.epsilon_account.spent} / ${k.epsilon_account.limit}` : '–'}</td>
        </tr>`)}</tbody>
      </table><//>`}<//>
    <h2>${t('orders')}</h2>
    <${Loaded} of=${orders}>${({ orders: all }) => all.length === 0 ? html`<p class="empty">${t('orders.empty')}</p>` : html`
      <${Scroll} label=${t('orders')}><table>
        <thead><tr><th scope="col">${t('order')}</th><th scope="col">${t('explain.dataset')}</th><th scope="col">${t('state')}</th><th scope="col">${t('order.purpose')}</th><th scope="col">${t('order.created')}</th><th scope="col">${t('contract')}</th></tr></thead>
        <tbody>${all.map((o) => html`<tr key=${o.id}>
          <th scope="row"><${Id} of=${o.id} /></th><td><a href=${link('dataset/' + o.dataset)}>${o.dataset}</a></td>
          <td>${state(o.state)}${o.reason && html`<br /><small>${o.reason}</small>`}</td><td>${o.purpose}</td><td class="nowrap">${time(o.created)}</td>
          <td>${o.contract ? html`<a href=${link('contract/' + o.contract)}><${Id} of=${o.contract} /></a>` : '–'}</td>
        </tr>`)}</tbody>
      </table><//>`}<//>
  <//>`;
}

export function Statement({ of, parameters }) {
  const month = parameters.month ?? '';
  const statement = useLoad((signal) => get(`/api/contracts/${encodeURIComponent(of)}/statement${query({ month })}`, signal), [of, month]);
  return html`<${Page} title=${t('statement')}>
    <p><${Id} of=${of} /></p>
    <${Field} label=${t('statement.month')}><input type="month" value=${month} style=${{ display: 'block', maxWidth: '14rem' }} onChange=${(e) => go(link('contract/' + of, { month: e.target.value }), true)} /><//>
    <${Loaded} of=${statement}>${(s) => html`
      <dl>
        <dt>${t('explain.dataset')}</dt><dd><a href=${link('dataset/' + s.contract.dataset)}>${s.contract.dataset}</a></dd>
        <dt>${t('state')}</dt><dd>${state(s.contract.state)} ${s.contract.reason}</dd>
        <dt>${t('order.purpose')}</dt><dd>${s.contract.purpose || '–'}</dd>
        <dt>${t('contract.term')}</dt><dd>${day(s.contract.from)} – ${day(s.contract.until)}</dd>
        <dt>${t('order.measures')}</dt><dd>${s.contract.measures?.join(', ') || t('all')}</dd>
        <dt>${t('order.aggregates')}</dt><dd>${s.contract.aggregates?.join(', ') || t('all')}</dd>
        <dt>${t('order.columns')}</dt><dd>${s.contract.scope ? s.contract.scope.columns?.join(', ') || t('none') : t('all')}</dd>
        ${s.queries_left != null && html`<dt>${t('explain.queriesnow')}</dt><dd>${number(s.queries_left)} / ${number(s.contract.queries)}</dd>`}
        ${s.budget_left && html`<dt>${t('explain.budgetnow')}</dt><dd>${figure(s.budget_left)} / ${figure(s.contract.budget)} ${s.currency ?? ''}</dd>`}
        <dt>${t('statement.sum')}</dt><dd>${t('statement.total', { queries: number(s.queries), groups: number(s.groups), price: figure(s.price || '0'), currency: s.currency ?? '' })}</dd>
      </dl>
      ${s.lines.length === 0 ? html`<p class="empty">${t('statement.empty')}</p>` : html`<${Scroll} label=${t('statement')}><table>
        <thead><tr><th scope="col">${t('answer.of')}</th><th scope="col">${t('time')}</th><th scope="col">${t('state')}</th><th scope="col" class="n">${t('answerable.groups')}</th><th scope="col" class="n">${t('explain.cost')}</th></tr></thead>
        <tbody>${s.lines.map((l) => html`<tr key=${l.query}><th scope="row"><a href=${link('answer/' + l.query)}><${Id} of=${l.query} /></a></th><td class="nowrap">${time(l.accepted)}</td>
          <td>${state(l.state)}${l.refunded && ` · ${t('history.refunded')}`}${l.repeats && ` · ${t('history.repeat')}`}</td><td class="n">${number(l.groups)}</td><td class="n">${figure(l.price || '0')} ${s.currency ?? ''}</td></tr>`)}</tbody>
      </table><//>`}`}<//>
  <//>`;
}
