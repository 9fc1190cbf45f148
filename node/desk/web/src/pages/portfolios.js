// One's own private lists and weights, as the ledger knows them.
import { get } from '../api.js';
import { html } from '../html.js';
import { Loaded, Page, Scroll, state, Tag, useLoad, tongue } from '../parts.js';
import { number, t, time } from '../words.js';

export function Portfolios() {
  const portfolios = useLoad((signal) => get('/api/portfolios', signal), []);
  return html`<${Page} title=${t('portfolios')}>
    <p class="muted">${t('portfolios.about')}</p>
    <${Loaded} of=${portfolios}>${({ portfolios: all }) => all.length === 0 ? html`<p class="empty">${t('portfolios.empty')} <code>weir portfolio register NAME FILE.csv --registry ID</code></p>` : html`
      <${Scroll} label=${t('portfolios')}><table>
        <thead><tr><th scope="col">${t('portfolios.name')}</th><th scope="col" class="n">${t('listing.version')}</th><th scope="col">${t('portfolios.registry')}</th><th scope="col">${t('state')}</th><th scope="col">${t('portfolios.kind')}</th><th scope="col">${t('order.created')}</th></tr></thead>
        <tbody>${all.map((v) => html`<tr><th scope="row">${v.name}</th><td class="n">${v.version}</td><td>${v.registry}</td>
          <td><${Tag} kind=${v.state === 'ready' ? 'good' : ''}>${state(v.state)}<//>${v.reason && html` <small lang=${tongue(v.reason)}>${v.reason}</small>`}</td>
          <td>${v.bits > 1 ? t('portfolios.weights', { bits: v.bits }) : v.pieces > 1 ? t('portfolios.pieces', { n: number(v.pieces) }) : t('portfolios.list')}</td><td class="nowrap">${time(v.created)}</td></tr>`)}</tbody>
      </table><//>`}<//>
  <//>`;
}
