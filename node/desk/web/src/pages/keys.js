// For operators: publishers' keys, with the ceremonies that make them and the sharings after, node by node.
import { useState } from 'preact/hooks';
import { get, post } from '../api.js';
import { html } from '../html.js';
import { Id, Problem, shortened, Tag, tongue } from '../parts.js';
import { known, number, t, time } from '../words.js';
import { ForOperators, Operating, useRepeated } from './nodes.js';

export function Keys({ session }) {
  const keys = useRepeated((signal) => get('/api/keys', signal), []);
  const [failed, setFailed] = useState(null);
  const refresh = (publisher) => async () => {
    setFailed(null);
    try {
      await post(`/api/keys/${encodeURIComponent(publisher)}/refresh`, undefined);
    } catch (e) {
      setFailed(e);
    }
    keys.reload();
  };
  return html`<${Operating} at="keys" title=${t('keys')} about=${t('keys.about')}>
    <${Problem} of=${failed} />
    <${ForOperators} of=${keys}>${(d) => html`
      ${d.keys.length === 0 && html`<p class="empty">${t('keys.empty')}</p>`}
      ${d.keys.map((k) => html`<article key=${k.publisher}>
        <h2 class="first">${k.name}</h2>
        <p class="row"><${Tag} kind=${k.step === 'ready' ? 'good' : k.step === 'failed' ? 'bad' : ''}>${known('step.' + k.step) ? t('step.' + k.step) : k.step}<//>
          ${k.key && html`<span>${t('keys.epoch', { n: number(k.epoch) })}</span><${Id} of=${k.key} />`}
          <span class="muted">${t('keys.open', { n: number(k.threshold), of: number(k.nodes.length) })}${k.since ? ` · ${time(k.since)}` : ''}</span></p>
        <ul class="steps">${k.nodes.map((n) => html`<li key=${n.node}><${Tag} kind=${n.lacks || n.unfit ? 'bad' : n.waits ? '' : 'good'}>${n.node}: ${t(n.unfit ? 'part.unfit' : n.lacks ? 'part.lacks' : n.waits ? 'part.waits' : 'part.done')}<//></li>`)}</ul>
        ${k.waits && html`<p lang=${tongue(k.waits)} class="long">${shortened(k.waits)}</p>`}
        ${k.step === 'ready' && html`<p class="row"><button class="plain" disabled=${session.read_only} onClick=${refresh(k.publisher)}>${t('keys.refresh')}</button><small>${t('keys.refreshabout')}</small></p>`}
      </article>`)}
      <h2>${t('vectors')}</h2>
      <dl>
        <dt>${t('vectors.ready')}</dt><dd>${number(d.vectors.ready)}</dd>
        <dt>${t('vectors.move')}</dt><dd>${number(d.vectors.to_move + d.vectors.moving)}${d.vectors.waits?.length ? ` · ${t('vectors.waits', { nodes: d.vectors.waits.join(', ') })}` : ''}</dd>
        <dt>${t('vectors.stay')}</dt><dd>${number(d.vectors.stay)}</dd>
        <dt>${t('vectors.lost')}</dt><dd>${number(d.vectors.lost)}</dd>
        <dt>${t('vectors.oldest')}</dt><dd>${time(d.vectors.oldest) || '–'}</dd>
        <dt>${t('keys.every')}</dt><dd>${d.every ? t('keys.days', { n: number(Math.round(d.every / 8640000) / 10) }) : t('keys.asked')}</dd>
      </dl>`}<//>
  <//>`;
}
