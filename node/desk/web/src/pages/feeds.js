// What feeds that run on this machine tell: of each source the last message, what waits, and what was passed over.
import { get } from '../api.js';
import { Bureau } from '../bureau.js';
import { html } from '../html.js';
import { Loaded, Scroll, Tag, tongue, useLoad } from '../parts.js';
import { known, number, t, time } from '../words.js';

export function Feeds({ session }) {
  return html`<${Bureau} title=${t('feeds')} about=${t('feeds.about')} session=${session}><${All} /><//>`;
}

function All() {
  const feeds = useLoad((signal) => get('/api/feeds', signal), []);
  return html`<p><button type="button" class="plain" onClick=${feeds.reload}>${t('feeds.again')}</button></p>
    <${Loaded} of=${feeds}>${({ feeds: all }) => all.length === 0 ? html`<p class="empty">${t('feeds.empty')} <code>weir desk --feed feed.yaml</code></p>` : all.map((f) => html`<article key=${f.config}>
      <h2 style=${{ marginTop: 0 }}>${f.state?.dataset ?? f.config}</h2>
      ${f.fault ? html`<div class="note bad"><p class="lines" lang=${tongue(f.fault)}>${f.fault}</p><p>${t('feeds.fix')}</p></div>` : html`<${State} of=${f.state} />`}</article>`)}<//>`;
}

const when = (text) => (text ? time(Date.parse(text)) : '–');
// kind is the word for a kind of what was counted; one of a newer feed is as it is.
const kind = (of, k) => (known(of + k) ? t(of + k) : k);
const counts = (of, m) => Object.entries(m ?? {}).map(([k, n]) => `${kind(of, k)} ${number(n)}`).join(', ');

function State({ of: s }) {
  return html`<div class="row"><${Tag} kind=${s.running ? 'good' : 'bad'}>${t(s.running ? 'feeds.running' : 'feeds.stopped')}<//><span class="muted">${when(s.running ? s.started : s.written)}</span></div>
    ${s.stopped && html`<p class="note bad lines" lang=${tongue(s.stopped.what)}>${s.stopped.what}</p>`}
    <${Scroll} label=${t('feeds.sources')}><table><thead><tr><th scope="col">${t('feeds.source')}</th><th scope="col">${t('feeds.last')}</th><th scope="col" class="n">${t('feeds.taken')}</th><th scope="col" class="n">${t('feeds.devices')}</th><th scope="col">${t('feeds.wrong')}</th></tr></thead>
      <tbody>${Object.entries(s.sources ?? {}).map(([name, x]) => html`<tr key=${name}><th scope="row">${name}<br /><small>${x.kind} ${x.address ?? ''}</small></th><td class="nowrap">${when(x.last)}</td><td class="n">${number(x.taken)}</td><td class="n">${x.devices ? `${number(x.open_connections ?? 0)} / ${number(x.devices)}` : '–'}</td>
        <td>${[counts('frame.', x.faults), counts('lenient.', x.leniences)].filter(Boolean).join('; ') || (x.error ? '' : '–')}${x.error && html`<p lang=${tongue(x.error.what)}>${x.error.what}</p>`}</td></tr>`)}</tbody></table><//>
    <dl><dt>${t('feeds.kept')}</dt><dd>${number(s.kept.new + s.kept.replaced)}</dd>
      <dt>${t('feeds.waiting')}</dt><dd>${(s.pending ?? []).slice(0, 5).map((p) => `${p.period} (${number(p.cells)}, ${when(p.due)})`).join(', ') || t('none')}${(s.pending ?? []).length > 5 ? ' …' : ''}</dd>
      ${s.appended && html`<dt>${t('feeds.appended')}</dt><dd>${t('publish.version', { n: s.appended.version })}, ${when(s.appended.at)}: ${s.appended.periods?.join(', ')}</dd>`}
      ${s.passed_over && html`<dt>${t('feeds.passed')}</dt><dd><ul>${Object.entries(s.passed_over).map(([why, n]) => html`<li>${kind('passed.', why)}: ${number(n)}${s.examples?.[why] && ` (${s.examples[why]})`}</li>`)}</ul></dd>`}
      ${s.error && html`<dt>${t('feeds.error')}</dt><dd class="lines" lang=${tongue(s.error.what)}>${s.error.what}</dd>`}</dl>`;
}
