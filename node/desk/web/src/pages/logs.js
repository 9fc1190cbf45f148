// For operators and auditors: whether every node's log continues what it signed before, and all logs agree.
import { get, saveBlob } from '../api.js';
import { html } from '../html.js';
import { Id, Loaded, Raw, Scroll, Tag, tongue, useLoad } from '../parts.js';
import { number, t } from '../words.js';
import { Operating } from './nodes.js';

export function Logs() {
  const look = useLoad((signal) => get('/api/evidence', signal), []);
  return html`<${Operating} at="logs" title=${t('logs')} about=${t('logs.about')}>
    <${Loaded} of=${look}>${(d) => html`
      ${d.fork ? html`<div class="note bad" role="alert"><p><strong>${t('logs.fork')}</strong> <span lang=${tongue(d.fork.reason)}>${d.fork.reason}</span></p><p>${t('logs.proof')}</p>
          <p class="row"><button class="plain" onClick=${() => saveBlob(new Blob([d.fork.notes.join('\n')], { type: 'text/plain' }), 'fork.txt')}>${t('logs.save')}</button></p></div>
          ${d.fork.notes.map((note) => html`<pre class="sql" translate="no" tabindex="0">${note}</pre>`)}`
        : html`<div class="note good"><p>${t(d.seen ? 'logs.agree' : 'logs.first')}</p></div>`}
      ${d.restored > 0 && html`<div class="note"><p>${t('logs.restored', { entries: number(d.restored), lost: number(d.lost) })} <code>weir evidence monitor --state</code></p></div>`}
      ${(d.heads.length > 0 || d.away.length > 0) && html`<${Scroll} label=${t('logs')}><table>
        <thead><tr><th scope="col">${t('node')}</th><th scope="col" class="n">${t('backups.entries')}</th><th scope="col" class="n">${t('logs.behind')}</th><th scope="col">${t('logs.root')}</th></tr></thead>
        <tbody>${d.heads.map((h) => html`<tr key=${h.node}><th scope="row">${h.node}</th><td class="n">${number(h.entries)}</td><td class="n">${number(h.behind)}</td><td><span class="id">${h.root}</span></td></tr>`)}
          ${d.away.map((a) => html`<tr key=${a.node}><th scope="row">${a.node}</th><td colspan="3"><${Tag} kind="bad">${t('node.away')}<//> <span lang=${tongue(a.why)} class="long">${a.why}</span><${Raw} error=${a.error} why=${a.why} /></td></tr>`)}</tbody>
      </table><//>`}
      <p class="row"><button class="plain" onClick=${look.reload} aria-busy=${look.loading}>${t('logs.again')}</button><small>${t('logs.file', { file: d.file })}</small></p>`}<//>
  <//>`;
}
