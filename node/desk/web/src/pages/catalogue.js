// The catalogue: datasets by words and facets, which stand in the address.
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, query } from '../api.js';
import { html } from '../html.js';
import { Field, go, link, Loaded, Page, Tag, useLoad } from '../parts.js';
import { known, number, t, titled } from '../words.js';

export function Catalogue({ parameters }) {
  const [words, setWords] = useState(parameters.q ?? '');
  const found = useLoad((signal) => get('/api/catalogue' + query(parameters), signal), [JSON.stringify(parameters)]);
  const typed = useRef(false);
  const want = (change) => go(link('catalogue', { ...parameters, skip: '', ...change }), true);
  useEffect(() => {
    if (!typed.current) return;
    const later = setTimeout(() => want({ q: words }), 250);
    return () => clearTimeout(later);
  }, [words]);
  return html`<${Page} title=${t('catalogue')}>
    <p class="muted">${t('catalogue.about')}</p>
    <form aria-label=${t('catalogue.search')} onSubmit=${(e) => { e.preventDefault(); want({ q: words }); }}>
      <${Field} label=${t('catalogue.search')}>
        <input type="search" name="q" value=${words} placeholder=${t('catalogue.placeholder')} onInput=${(e) => { typed.current = true; setWords(e.target.value); }} />
      <//>
      <div class="fields">
        ${(found.data?.facets ?? []).map((f) => html`<${Field} key=${f.name} label=${t('facet.' + f.name)}>
          <select name=${f.name} value=${parameters[f.name] ?? ''} onChange=${(e) => want({ [f.name]: e.target.value })}>
            <option value="">${t('facet.any')}</option>
            ${f.values.map((v) => html`<option value=${v.value}>${valueOf(f.name, v.value)} (${number(v.count)})</option>`)}
            ${parameters[f.name] && !f.values.some((v) => v.value === parameters[f.name]) && html`<option value=${parameters[f.name]}>${valueOf(f.name, parameters[f.name])} (0)</option>`}
          </select>
        <//>`)}
      </div>
    </form>
    <${Loaded} of=${found}>${(d) => html`
      <p role="status">${t(d.total === 1 ? 'catalogue.one' : 'catalogue.count', { n: number(d.total) })}</p>
      ${d.total === 0 && html`<p class="empty">${t('catalogue.empty')} <a href="#/catalogue" onClick=${() => setWords('')}>${t('catalogue.all')}</a></p>`}
      <ul class="cards">${d.datasets.map((e) => html`<li key=${e.id}><${Card} of=${e} /></li>`)}</ul>
      <p class="row">
        ${parameters.skip > 0 && html`<a href=${link('catalogue', { ...parameters, skip: '' })}>${t('catalogue.first')}</a>`}
        ${d.next > 0 && html`<a href=${link('catalogue', { ...parameters, skip: d.next })}>${t('catalogue.next')}</a>`}
      </p>`}<//>
  <//>`;
}

const valueOf = (facet, value) => (known(`${facet}.${value}`) ? t(`${facet}.${value}`) : value);

function Card({ of: e }) {
  return html`<article>
    <h2 style=${{ marginTop: 0 }}><a href=${link('dataset/' + e.id)}>${titled(e.title) || e.id}</a></h2>
    <p class="id">${e.id}</p>
    ${titled(e.description) && html`<p>${clip(titled(e.description))}</p>`}
    <p>${e.measures.slice(0, 8).map((m) => `${m.name} (${m.unit})`).join(', ')}${e.measures.length > 8 ? ' …' : ''}</p>
    <p class="muted">${e.live ? t('catalogue.extent', { first: e.first, last: e.last, grain: t('grain.' + e.grain), n: number(e.entities) }) : t('catalogue.none')}</p>
    <div class="row">
      <${Tag}>${t(e.public ? 'access.public' : 'access.protected')}<//>
      ${e.price && html`<${Tag}>${t('price', { amount: e.price.per_query, currency: e.price.currency })}<//>`}
      ${e.contract && html`<${Tag} kind="good">${t('catalogue.contract')}<//>`}
      ${e.own && html`<${Tag} kind="good">${t('catalogue.own')}<//>`}
    </div>
  </article>`;
}

const clip = (text) => (text.length > 180 ? text.slice(0, 180) + '…' : text);
