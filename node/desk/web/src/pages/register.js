// Registering a portfolio: a file is dropped or pasted, what stays of it is shown before anything of it is sent, and then it
// is shared among the nodes. The file is in this page and in the desk's memory alone: a reload forgets it.
import { useState } from 'preact/hooks';
import { get, post } from '../api.js';
import { Drop, encoded, usePreview } from '../drop.js';
import { html } from '../html.js';
import { Field, Problem, useLoad } from '../parts.js';
import { t } from '../words.js';
import { ListPreview } from './listpreview.js';

const most = 16 << 20; // as the desk takes
const pastedName = 'pasted.csv';

export function Register({ begun }) {
  const catalogue = useLoad((signal) => get('/api/catalogue', signal), []);
  const datasets = (catalogue.data?.datasets ?? []).filter((d) => d.live);
  const registries = [...new Set([...datasets.filter((d) => d.contract && !d.public), ...datasets.filter((d) => !d.public), ...datasets].map((d) => d.registry))];
  const [form, setForm] = useState({ kind: 'list', bits: 16, decimals: 2, by: [] });
  const [file, setFile] = useState(null); // {name, bytes}
  const [pasted, setPasted] = useState('');
  const [failed, setFailed] = useState(null);
  const [sending, setSending] = useState(false);
  const change = (c) => setForm((f) => ({ ...f, ...c }));
  const registry = form.registry ?? registries[0];
  const on = datasets.filter((d) => d.registry === registry);
  const names = useLoad((signal) => Promise.all(on.slice(0, 20).map((d) => get(`/api/datasets/${encodeURIComponent(d.id)}/names`, signal))), [registry, on.length]);
  const attributes = (names.data?.[0]?.columns ?? []).slice(1).map((c) => c.name);
  const capped = (names.data ?? []).flatMap((n) => n.capped.map((m) => `${n.dataset}.${m}`));

  const body = bodyOf({ ...form, registry }, file);
  const preview = usePreview('/api/portfolios/preview', body);
  const p = preview.data;

  async function take(f) {
    setFailed(null);
    if (!f) return;
    if (f.size > most) return setFailed({ problem: { kind: 'input', message: t('register.large') } });
    setPasted('');
    setForm((was) => ({ ...was, name: was.name || nameOf(f.name), id_column: '', column: '' }));
    setFile({ name: f.name, bytes: await encoded(f) });
  }
  async function paste(text) {
    setPasted(text);
    setForm((was) => ({ ...was, name: was.name || 'mine' }));
    setFile(text.trim() ? { name: pastedName, bytes: await encoded(new Blob([text])) } : null);
  }
  async function register(e) {
    e.preventDefault();
    setSending(true);
    setFailed(null);
    try {
      await post('/api/portfolios', { ...body, ignore_unknown: Boolean(form.ignore), anew: Boolean(form.anew) });
      setFile(null);
      setPasted('');
      setForm({ kind: 'list', bits: 16, decimals: 2, by: [], registry });
      begun();
      window.scrollTo(0, 0);
    } catch (x) {
      setFailed(x);
    }
    setSending(false);
  }
  const header = p?.header ?? [];
  const allowed = p?.ready && preview.fresh && (!p.unknown || form.ignore) && (!p.known || form.anew);
  return html`<p class="muted">${t('register.about')}</p>
    <form onSubmit=${register}>
      <div class="split">
        <div>
          <${Drop} name="portfolio" label=${file && !pasted ? html`<strong>${file.name}</strong> · ${t('register.dropagain')}` : t('register.drop')} onFile=${take} />
        </div>
        <${Field} label=${t('register.paste')}><textarea class="code" name="pasted" rows="6" spellcheck=${false} placeholder=${t('register.pasteexample')} value=${pasted} onInput=${(e) => paste(e.target.value)}></textarea><//>
      </div>
      <div class="fields">
        <${Field} label=${t('register.registry')} help=${t('register.registryhelp', { datasets: on.map((d) => d.id).join(', ') })}><select name="registry" value=${registry} onChange=${(e) => change({ registry: e.target.value, by: [], within: '' })}>${registries.map((r) => html`<option value=${r}>${r}</option>`)}</select><//>
        <${Field} label=${t('portfolios.name')} help=${t('register.namehelp')}><input name="name" value=${form.name ?? ''} onInput=${(e) => change({ name: e.target.value.trim() })} /><//>
        <${Field} label=${t('register.kind')} help=${t('register.kindhelp.' + form.kind)}><select name="kind" value=${form.kind} onChange=${(e) => change({ kind: e.target.value, column: '' })}>
          ${['list', 'pieces', 'weights'].map((k) => html`<option value=${k}>${t('register.kind.' + k)}</option>`)}</select><//>
        <${Column} label=${t('register.id')} name="id_column" value=${form.id_column} none=${t('register.idauto')} header=${header} set=${(v) => change({ id_column: v })} />
        ${form.kind !== 'list' && html`<${Column} label=${t('register.column.' + form.kind)} name="column" value=${form.column} none=${t('register.choose')} header=${header} set=${(v) => change({ column: v })} />`}
        ${form.kind === 'weights' && html`
          <${Field} label=${t('register.decimals')} help=${t('register.decimalshelp')}><input type="number" name="decimals" min="0" max="9" value=${form.decimals} onInput=${(e) => change({ decimals: Number(e.target.value) })} /><//>
          <${Field} label=${t('register.bits')} help=${t('register.bitshelp')}><input type="number" name="bits" min="1" max="32" value=${form.bits} onInput=${(e) => change({ bits: Number(e.target.value) })} /><//>
          ${capped.length > 0 && html`<${Field} label=${t('register.within')} help=${t('register.withinhelp')}><select name="within" value=${form.within ?? ''} onChange=${(e) => change({ within: e.target.value, bound: '' })}><option value="">${t('register.nocaps')}</option>${capped.map((m) => html`<option value=${m}>${m}</option>`)}</select><//>`}
          ${form.within && html`<${Field} label=${t('register.bound')} help=${t('register.boundhelp')}><input inputmode="decimal" name="bound" value=${form.bound ?? ''} placeholder=${t('register.boundauto')} onInput=${(e) => change({ bound: e.target.value.trim() })} /><//>`}`}
      </div>
      ${form.kind !== 'weights' && attributes.length > 0 && html`<fieldset class="checks"><legend>${t('register.by')} <small>${t('register.byhelp')}</small></legend>
        ${attributes.map((a) => html`<label><input type="checkbox" name=${'by-' + a} checked=${form.by.includes(a)} onChange=${(e) => change({ by: attributes.filter((x) => (x === a ? e.target.checked : form.by.includes(x))) })} />${a}</label>`)}</fieldset>`}
      ${form.kind !== 'weights' && html`<${Field} label=${t('register.for')} help=${t('register.forhelp')}><textarea class="code" name="for" rows="2" spellcheck=${false} placeholder=${`SELECT SUM(${on[0]?.measures[0]?.name ?? 'x'}) FROM ${on[0]?.id ?? 'dataset'} WHERE entity IN PRIVATE(${form.name || 'mine'})`} value=${form.for ?? ''} onInput=${(e) => change({ for: e.target.value })}></textarea><//>`}
      <div aria-live="polite" id="preview">
        <${Problem} of=${preview.problem} />
        ${preview.loading && !p && html`<p aria-busy="true">${t('loading')}</p>`}
        ${p && html`<${ListPreview} of=${p} weighted=${form.kind === 'weights'} />
          ${p.unknown > 0 && p.entries > 0 && html`<label><input type="checkbox" name="ignore" checked=${form.ignore ?? false} onChange=${(e) => change({ ignore: e.target.checked })} />${t(p.unknown === 1 ? 'register.ignoreone' : 'register.ignore', { n: p.unknown })}</label>`}
          ${p.known > 0 && html`<label><input type="checkbox" name="anew" checked=${form.anew ?? false} onChange=${(e) => change({ anew: e.target.checked })} />${t('register.anew', { n: p.version })}</label>`}
          <div class="row"><button type="submit" id="register" disabled=${!allowed || sending} aria-busy=${sending}>${t('register.now', { name: p.name, n: p.version || 1 })}</button></div>`}
      </div>
      <${Problem} of=${failed} />
    </form>`;
}

// Column chooses one of a file's columns, or is typed while none are known.
function Column({ label, name, value, none, header, set }) {
  const known = value && !header.includes(value) ? [value, ...header] : header;
  return html`<${Field} label=${label}><select name=${name} value=${value ?? ''} onChange=${(e) => set(e.target.value)}><option value="">${none}</option>${known.map((h) => html`<option value=${h}>${h}</option>`)}</select><//>`;
}

// bodyOf is what the desk is asked; null while something is missing.
function bodyOf(f, file) {
  if (!file || !f.registry || !f.name) return null;
  const body = { name: f.name, registry: f.registry, file: file.name, bytes: file.bytes };
  if (f.id_column) body.id_column = f.id_column;
  if (f.kind === 'weights' && f.column) {
    Object.assign(body, { weights: f.column, bits: f.bits, decimals: f.decimals });
    if (f.within) body.within = f.within;
    if (f.within && f.bound) body.bound = f.bound;
  } else if (f.kind !== 'weights') {
    if (f.kind === 'pieces' && f.column) body.pieces = f.column;
    if (f.by.length) body.by = f.by;
    if (f.for?.trim()) body.for = f.for.trim();
  }
  return body;
}

// nameOf proposes a portfolio's name by its file's.
const nameOf = (file) => file.replace(/\.[^.]*$/, '').toLowerCase().replace(/[^a-z0-9_]+/g, '_').replace(/^[^a-z]+/, '').slice(0, 32) || 'mine';
