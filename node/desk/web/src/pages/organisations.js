// For operators: the organisations of the cluster, and the admission of another.
import { useState } from 'preact/hooks';
import { get, post } from '../api.js';
import { Drop, encoded } from '../drop.js';
import { html } from '../html.js';
import { Field, Id, Problem, Scroll, useLoad } from '../parts.js';
import { t, time } from '../words.js';
import { ForOperators, Operating } from './nodes.js';

const roles = ['buyer', 'publisher', 'operator'];

export function Organisations({ session }) {
  const principals = useLoad((signal) => get('/api/principals', signal), []);
  return html`<${Operating} at="organisations" title=${t('organisations')} about=${t('organisations.about')}>
    <${ForOperators} of=${principals}>${({ principals: all }) => html`
      <${Scroll} label=${t('organisations')}><table>
        <thead><tr><th scope="col">${t('organisations.name')}</th><th scope="col">${t('organisations.role')}</th><th scope="col">${t('organisations.id')}</th><th scope="col">${t('organisations.admitted')}</th></tr></thead>
        <tbody>${all.map((p) => html`<tr key=${p.id}><th scope="row">${p.name}</th><td>${t('role.' + p.role)}</td><td><${Id} of=${p.id} /></td><td class="nowrap">${time(p.admitted) || '–'}</td></tr>`)}</tbody>
      </table><//>
      <h2>${t('admit')}</h2>
      <${Admit} session=${session} onDone=${principals.reload} />`}<//>
  <//>`;
}

function Admit({ session, onDone }) {
  const [file, setFile] = useState(null); // that was read, and whose key it has
  const [role, setRole] = useState('buyer');
  const [failed, setFailed] = useState(null);
  const [done, setDone] = useState(null);
  const [busy, setBusy] = useState(false);

  async function read(chosen) {
    if (!chosen) return;
    setFailed(null);
    setDone(null);
    setFile(null);
    try {
      const body = { name: chosen.name, file: await encoded(chosen) };
      setFile({ body, owner: await post('/api/principals/read', body) });
    } catch (e) {
      setFailed(e);
    }
  }
  async function admit(e) {
    e.preventDefault();
    setBusy(true);
    setFailed(null);
    try {
      setDone(await post('/api/principals', { ...file.body, role }));
      setFile(null);
      onDone();
    } catch (e) {
      setFailed(e);
    }
    setBusy(false);
  }
  if (session.read_only) return html`<p class="note">${t('operate.readonly')}</p>`;
  return html`
    <${Drop} name="public" label=${t('admit.drop')} onFile=${read} />
    <div aria-live="polite">
      <${Problem} of=${failed} />
      ${done && html`<div class="note good"><p>${t('admit.done', { name: done.name, role: t('role.' + done.role) })}</p></div>`}
      ${file && html`<form onSubmit=${admit}>
        <dl><dt>${t('organisations.name')}</dt><dd>${file.owner.name}</dd><dt>${t('organisations.id')}</dt><dd><span class="id">${file.owner.id}</span></dd></dl>
        <p>${t('admit.compare')}</p>
        <${Field} label=${t('organisations.role')}><select value=${role} style=${{ maxWidth: '16rem', display: 'block' }} onChange=${(e) => setRole(e.target.value)}>${roles.map((r) => html`<option value=${r}>${t('role.' + r)}</option>`)}</select><//>
        ${role === 'buyer' && !file.owner.receives && html`<p class="note bad">${t('admit.receives')}</p>`}
        <div class="row"><button type="submit" disabled=${busy} aria-busy=${busy}>${t('admit.submit')}</button></div>
      </form>`}
    </div>`;
}
