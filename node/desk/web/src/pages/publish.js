// Publishing: files are dropped, mended, described, checked and published. All of it is a draft of the desk, so that a
// reload goes on where it was.
import { useEffect, useState } from 'preact/hooks';
import { get, post } from '../api.js';
import { Bureau } from '../bureau.js';
import { html } from '../html.js';
import { go, link, Loaded, Problem, shortened, tongue, useLoad } from '../parts.js';
import { language, number, t, time } from '../words.js';
import { Columns, Descriptor, Policy } from './describe.js';
import { Preview } from './preview.js';
import { FaultTables } from './faults.js';

export function Publish({ of, parameters, session }) {
  return html`<${Bureau} title=${t('publish')} about=${t('publish.about')} session=${session}>
    ${of ? html`<${Draft} key=${of} id=${of} session=${session} />` : html`<${Drafts} session=${session} parameters=${parameters} />`}<//>`;
}

function Drafts({ session, parameters }) {
  const drafts = useLoad((signal) => get('/api/drafts', signal), []);
  const [failed, setFailed] = useState(null);
  async function begin(files) {
    if (!files?.length || session.read_only) return;
    setFailed(null);
    try {
      const d = await post('/api/drafts', {});
      if (parameters.dataset) await post(`/api/drafts/${d.id}/describe`, { dataset: parameters.dataset, append: true });
      pending.set(d.id, files);
      go(link('publish/' + d.id));
    } catch (e) {
      setFailed(e);
    }
  }
  return html`
    ${parameters.dataset && html`<p class="note">${t('publish.more', { dataset: parameters.dataset })}</p>`}
    <${Drop} take=${begin} disabled=${session.read_only} />
    <${Problem} of=${failed} />
    <${Loaded} of=${drafts}>${({ drafts: all }) => all.length > 0 && html`<h2>${t('publish.begun')}</h2>
      <ul>${all.map((d) => html`<li key=${d.id}><a href=${link('publish/' + d.id)}>${d.dataset || d.files.map((f) => f.name).join(', ') || t('publish.nofiles')}</a>
        ${' · '}${time(d.begun)}${d.version > 0 && html`${' · '}${t('publish.version', { n: d.version })}`}${d.state && html`${' · '}${t('work.' + d.state)}`}</li>`)}</ul>`}<//>`;
}

// pending are files that were dropped before their draft was shown.
const pending = new Map();

const partSize = 3 << 20;

// send sends a file in parts; a descriptor is sent as one.
async function send(id, file, told) {
  if (/\.ya?ml$/i.test(file.name)) return post(`/api/drafts/${id}/describe`, { text: await file.text() });
  let draft;
  for (let at = 0; at === 0 || at < file.size; at += partSize) {
    const bytes = new Uint8Array(await file.slice(at, at + partSize).arrayBuffer());
    let text = '';
    for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
    told(file.name, at, file.size);
    draft = await post(`/api/drafts/${id}/files`, { name: file.name, size: file.size, at, bytes: btoa(text) });
  }
  return draft;
}

function Drop({ take, disabled }) {
  const [over, setOver] = useState(false);
  return html`<div class=${`drop ${over ? 'over' : ''}`}
    onDragOver=${(e) => { e.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}
    onDrop=${(e) => { e.preventDefault(); setOver(false); take([...e.dataTransfer.files]); }}>
    <label>${t('publish.drop')}<input type="file" name="files" multiple disabled=${disabled} onChange=${(e) => { take([...e.target.files]); e.target.value = ''; }} /></label>
  </div>`;
}

function useDraft(id) {
  const [draft, set] = useState(null);
  const [failed, setFailed] = useState(null);
  useEffect(() => {
    const ended = new AbortController();
    get('/api/drafts/' + encodeURIComponent(id), ended.signal).then(set, (e) => { if (!ended.signal.aborted) setFailed(e); });
    return () => ended.abort();
  }, [id, language]); // its sentences are the desk's
  const busy = draft?.work?.state === 'running';
  useEffect(() => {
    if (!busy) return;
    const ended = new AbortController();
    get(`/api/drafts/${encodeURIComponent(id)}?seen=${draft.seen}`, ended.signal).then(set, (e) => { if (!ended.signal.aborted) setFailed(e); });
    return () => ended.abort();
  }, [busy, draft?.seen]);
  return [draft, set, failed];
}

function Draft({ id, session }) {
  const [d, set, lost] = useDraft(id);
  const [failed, setFailed] = useState(null);
  const [sending, setSending] = useState(null);
  async function act(path, body = {}) {
    setFailed(null);
    try {
      set(await post(`/api/drafts/${encodeURIComponent(id)}/${path}`, body));
      return true;
    } catch (e) {
      setFailed(e);
      return false;
    }
  }
  async function take(files) {
    setFailed(null);
    try {
      for (const file of files) set(await send(id, file, (name, at, size) => setSending({ name, part: at / size })));
    } catch (e) {
      setFailed(e);
    }
    setSending(null);
  }
  useEffect(() => {
    const files = pending.get(id);
    pending.delete(id);
    if (files) take(files);
  }, [id]);
  async function giveUp() {
    if (await act('drop')) go('#/publish', true);
  }
  if (lost) return html`<${Problem} of=${lost} /><p><a href="#/publish">${t('publish.another')}</a></p>`;
  if (!d) return html`<p aria-busy="true" role="status">${t('loading')}</p>`;
  const busy = d.work?.state === 'running' || Boolean(sending) || session.read_only;
  const known = d.policy && d.descriptor_faults.length === 0;
  if (d.published) return html`<${Published} of=${d} />`;
  return html`
    <h2 style=${{ marginTop: '.5rem' }}>1 · ${t('publish.files')}</h2>
    <${Drop} take=${take} disabled=${busy} />
    ${sending && html`<p role="status">${t('publish.sending', { name: sending.name })} <progress value=${sending.part} aria-label=${sending.name}></progress></p>`}
    ${d.files.length > 0 && html`<ul>${d.files.map((f) => html`<li key=${f.name}>${f.name} <small>${t('publish.bytes', { n: number(f.size) })}</small> <button type="button" class="plain small" disabled=${busy} onClick=${() => act('files/remove', { name: f.name })} aria-label=${t('publish.removefile', { name: f.name })}>${t('publish.remove')}</button></li>`)}</ul>`}
    <p class="muted">${t('publish.stay')}</p>

    <h2>2 · ${t('publish.columns')}</h2>
    ${d.dataset ? html`<p>${t('publish.asbefore', { dataset: d.dataset })}</p>` : d.descriptor ? html`<${Descriptor} of=${d} act=${act} busy=${busy} />`
      : d.form ? html`<${Columns} of=${d.form} act=${act} busy=${busy} />` : html`<p class="muted">${t('publish.first')}</p>`}

    ${known && html`<h2>3 · ${t('publish.check')}</h2>
      <div class="row"><button type="button" id="check" disabled=${busy} aria-busy=${d.work?.state === 'running' && d.work.kind === 'check'} onClick=${() => act('check')}>${t(d.checked || d.faults ? 'publish.checkagain' : 'publish.checknow')}</button>
        ${d.stale && html`<span>${t('publish.stale')}</span>`}</div>
      ${d.work?.kind === 'check' && html`<${Working} of=${d.work} />`}
      ${d.faults && html`<${FaultTables} of=${d} act=${act} busy=${busy} />`}
      ${d.mends.length > 0 && html`<p class="muted">${t('mend.count', { n: number(d.mends.length) })} <button type="button" class="plain small" disabled=${busy} onClick=${() => act('unmend')}>${t('mend.back')}</button></p>`}
      ${d.checked && html`<${Preview} of=${d} />`}`}

    ${known && !d.dataset && html`<h2>4 · ${t('publish.policy')}</h2><${Policy} key=${d.descriptor} of=${d} act=${act} busy=${busy} />`}

    ${d.checked && html`<h2>${d.dataset ? 4 : 5} · ${t('publish.sign')}</h2>
      ${d.policy?.public && html`<p class="note bad">${t('publish.public')}</p>`}
      ${d.descriptor && html`<details><summary>${t('publish.descriptor')}</summary><pre class="sql" translate="no" tabindex="0">${d.descriptor}</pre></details>`}
      <label class="narrowfield">${t('publish.closed')}<input name="closed_to" value=${d.closed_to ?? ''} placeholder=${t('publish.closedall')} disabled=${busy} onChange=${(e) => act('describe', { closed_to: e.target.value })} /></label>
      <div class="row"><button type="button" id="publish" disabled=${busy || d.stale} onClick=${() => act('publish')}>${t('publish.now', { n: d.checked.version || 1 })}</button></div>
      ${d.work?.kind === 'publish' && html`<${Working} of=${d.work} />`}`}
    <${Problem} of=${failed} />
    <p style=${{ marginTop: '1.5rem' }}><button type="button" class="plain" disabled=${busy} onClick=${giveUp}>${t('publish.giveup')}</button></p>`;
}

function Working({ of: w }) {
  if (w.state === 'failed') return html`<${Problem} of=${w.problem && { problem: w.problem }} />`;
  if (w.state !== 'running') return null;
  const counts = w.tiles_total > 0 ? t('work.tiles', { n: number(w.tiles ?? 0), of: number(w.tiles_total) }) : w.rows > 0 ? t('work.rows', { n: number(w.rows) }) : '';
  return html`<div role="status"><p>${t('work.stage.' + (w.stage || 'reading'))} ${counts}</p>
    <progress value=${w.fraction > 0 ? w.fraction : undefined} aria-label=${t('publish.sign')}></progress>
    ${w.waiting && html`<p lang=${tongue(w.waiting)}>${shortened(w.waiting)}</p>`}
    ${w.nodes && html`<p>${w.nodes.map((n) => `${n.id} ${n.tiles < 0 ? '–' : number(n.tiles) + ' / ' + number(n.of)}`).join(' · ')}</p>`}
    <p class="muted">${t('work.leave')}</p></div>`;
}

function Published({ of: d }) {
  const p = d.published;
  return html`<div class="note good" role="status"><p><strong>${t('published', { dataset: p.dataset, n: p.version })}</strong></p>
      <p>${t('published.what', { readings: number(p.readings), entities: number(p.entities), periods: number(p.periods), tiles: number(p.tiles) })}</p>
      ${d.mends.length > 0 && html`<p>${t('published.mends')}</p>`}</div>
    <p class="row"><a role="button" href=${link('own/' + p.dataset)}>${t('published.own')}</a><a role="button" class="plain" href=${link('dataset/' + p.dataset)}>${t('published.listing')}</a><a href="#/publish">${t('publish.another')}</a></p>`;
}
