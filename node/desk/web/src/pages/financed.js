// Financed emissions: a loan book is dropped or pasted, what asking would do is shown before anything of it is sent, and then
// it is registered and asked. The file is in this page and in the desk's memory alone: a reload forgets it, and not its job.
import { useEffect, useRef, useState } from 'preact/hooks';
import { get, post, save } from '../api.js';
import { Drop, encoded, usePreview } from '../drop.js';
import { html } from '../html.js';
import { Field, Id, link, Page, Problem, useLoad } from '../parts.js';
import { figure, language, number, t, time } from '../words.js';
import { BookPreview, BookReport } from './bookpreview.js';

const most = 16 << 20; // as the desk takes
const pastedName = 'pasted.csv';
const mass = /^(10\*\d+\.)?([kMG]?g|t|kt|Mt|吨|千克|公斤|万吨)(\s|$)|CO2/i;

export function Financed({ session }) {
  const begun = useLoad((signal) => get('/api/financed', signal), []);
  return html`<${Page} title=${t('financed')}>
    <p class="muted">${t('financed.about')} <a href=${link('portfolios')}>${t('nav.portfolios')}</a></p>
    ${(begun.data?.books ?? []).slice(0, 8).map((j) => html`<${Job} key=${j.id} of=${j} session=${session} />`)}
    ${session.read_only ? html`<p class="note">${t('financed.readonly')}</p>` : html`<${Ask} begun=${begun.reload} />`}
  <//>`;
}

const columns = { equity_debt: ['outstanding', 'equity', 'debt'], evic: ['outstanding', 'evic'], revenue: ['outstanding', 'revenue'] };
const fresh = { denominator: 'equity_debt', currency: 'CNY', list: 'pcaf', how: 'exact', epsilon: '1', bits: 20, decimals: 6 };

function Ask({ begun }) {
  const catalogue = useLoad((signal) => get('/api/catalogue', signal), []);
  const contracts = useLoad((signal) => get('/api/contracts', signal), []);
  const datasets = (catalogue.data?.datasets ?? []).filter((d) => d.live && !d.public);
  const sorted = [...datasets.filter((d) => d.contract), ...datasets.filter((d) => !d.contract)];
  const [form, setForm] = useState(fresh);
  const [file, setFile] = useState(null); // {name, bytes}
  const [pasted, setPasted] = useState('');
  const [failed, setFailed] = useState(null);
  const [sending, setSending] = useState(false);
  const change = (c) => setForm((f) => ({ ...f, ...c }));
  const dataset = sorted.find((d) => d.id === form.dataset) ?? sorted.find((d) => d.measures.some((m) => mass.test(m.unit))) ?? sorted[0];
  const measures = form.measures ?? (dataset?.measures ?? []).filter((m) => mass.test(m.unit)).slice(0, 1).map((m) => m.name);
  const period = form.period ?? dataset?.last?.slice(0, 4) ?? '';
  const active = (contracts.data?.contracts ?? []).filter((k) => k.state === 'active' && k.dataset === dataset?.id);

  const body = bodyOf({ ...form, dataset: dataset?.id, measures, period }, file);
  const preview = usePreview('/api/financed/preview', body);
  const p = preview.data;
  const header = p?.header ?? [];
  const named = ['id_column', ...(columns[form.denominator] ?? ['outstanding']), 'score', 'borrower'];

  async function take(f) {
    setFailed(null);
    if (!f) return;
    if (f.size > most) return setFailed({ problem: { kind: 'input', message: t('financed.large') } });
    setPasted('');
    setFile({ name: f.name, bytes: await encoded(f) });
  }
  async function paste(text) {
    setPasted(text);
    setFile(text.trim() ? { name: pastedName, bytes: await encoded(new Blob([text])) } : null);
  }
  async function ask(e) {
    e.preventDefault();
    setSending(true);
    setFailed(null);
    try {
      await post('/api/financed', body);
      setFile(null);
      setPasted('');
      begun();
      window.scrollTo(0, 0);
    } catch (x) {
      setFailed(x);
    }
    setSending(false);
  }
  const text = (name) => ({ name, value: form[name] ?? '', onInput: (e) => change({ [name]: e.target.value.trim() }) });
  return html`<h2>${t('financed.ask')}</h2>
    <form onSubmit=${ask}>
      <div class="split">
        <${Drop} name="book" label=${file && !pasted ? html`<strong>${file.name}</strong> · ${t('register.dropagain')}` : t('financed.drop')} onFile=${take} />
        <${Field} label=${t('register.paste')}><textarea class="code" name="pasted" rows="6" spellcheck=${false} placeholder=${t('financed.pasteexample')} value=${pasted} onInput=${(e) => paste(e.target.value)}></textarea><//>
      </div>
      <div class="fields">
        <${Field} label=${t('explain.dataset')} help=${t('financed.datasethelp')}><select name="dataset" value=${dataset?.id ?? ''} onChange=${(e) => change({ dataset: e.target.value, measures: undefined, period: undefined, contract: '' })}>${sorted.map((d) => html`<option value=${d.id}>${d.id}</option>`)}</select><//>
        <${Field} label=${t('financed.period')} help=${t('financed.periodhelp')}><input name="period" value=${period} onInput=${(e) => change({ period: e.target.value.trim() })} /><//>
        <${Field} label=${t('financed.denominator')} help=${t('financed.denominatorhelp')}><select name="denominator" value=${form.denominator} onChange=${(e) => change({ denominator: e.target.value })}>
          ${['equity_debt', 'evic', 'revenue'].map((k) => html`<option value=${k}>${t('bookpart.' + k)}</option>`)}
          ${header.filter((h) => h && !columns[h]).map((h) => html`<option value=${h}>${t('financed.denominatorcolumn', { name: h })}</option>`)}</select><//>
        <${Field} label=${t('financed.currency')} help=${t('financed.currencyhelp')}><input ...${text('currency')} maxlength="3" /><//>
        <${Field} label=${t('financed.how')} help=${t('bookhowhelp.' + form.how)}><select name="how" value=${form.how} onChange=${(e) => change({ how: e.target.value })}>${['exact', 'noise'].map((k) => html`<option value=${k}>${t('bookhow.' + k)}</option>`)}</select><//>
        <${Field} label=${t('financed.list')} help=${t('financed.listhelp')}><input ...${text('list')} /><//>
        ${form.how === 'noise' && html`
          <${Field} label=${t('explain.epsilon')}><input inputmode="decimal" ...${text('epsilon')} /><//>
          <${Field} label=${t('financed.decimals')}><input type="number" name="decimals" min="0" max="9" value=${form.decimals} onInput=${(e) => change({ decimals: Number(e.target.value) })} /><//>
          <${Field} label=${t('financed.bits')} help=${t('register.bitshelp')}><input type="number" name="bits" min="1" max="32" value=${form.bits} onInput=${(e) => change({ bits: Number(e.target.value) })} /><//>`}
        ${active.length > 1 && html`<${Field} label=${t('options.contract')}><select name="contract" value=${form.contract ?? ''} onChange=${(e) => change({ contract: e.target.value })}><option value="">${t('options.anycontract')}</option>${active.map((k) => html`<option value=${k.id}>${k.id.slice(0, 10)}</option>`)}</select><//>`}
      </div>
      ${dataset && html`<fieldset class="checks"><legend>${t('financed.measures')}</legend>
        ${dataset.measures.map((m) => html`<label><input type="checkbox" name=${'measure-' + m.name} checked=${measures.includes(m.name)} onChange=${(e) => change({ measures: dataset.measures.map((x) => x.name).filter((x) => (x === m.name ? e.target.checked : measures.includes(x))) })} />${m.name} (${m.unit})</label>`)}</fieldset>`}
      ${header.length > 0 && html`<details open=${p.faults.length > 0}><summary>${t('financed.columns')}</summary><div class="fields">
        ${named.map((c) => html`<${Field} label=${t('bookcolumn.' + c)}><select name=${c} value=${form[c] ?? ''} onChange=${(e) => change({ [c]: e.target.value })}><option value="">${t('register.idauto')}</option>${header.map((h) => html`<option value=${h}>${h}</option>`)}</select><//>`)}</div></details>`}
      <div aria-live="polite" id="preview">
        <${Problem} of=${preview.problem} />
        ${preview.loading && !p && html`<p aria-busy="true">${t('loading')}</p>`}
        ${p && html`<${BookPreview} of=${p} busy=${preview.loading} />
          <div class="row"><button type="submit" id="ask" disabled=${!p.ready || !preview.fresh || sending} aria-busy=${sending}>${t(p.preview?.report.list.existed ? 'financed.now' : 'financed.registernow')}</button></div>`}
      </div>
      <${Problem} of=${failed} />
    </form>`;
}

// bodyOf is what the desk is asked; null while something is missing.
function bodyOf(f, file) {
  if (!file || !f.dataset || !f.period || !f.measures.length || !f.list || !/^[A-Z]{3}$/.test(f.currency)) return null;
  const body = { file: file.name, bytes: file.bytes, dataset: f.dataset, measures: f.measures, period: f.period, denominator: f.denominator, currency: f.currency, list: f.list };
  for (const name of ['contract', 'id_column', 'outstanding', 'equity', 'debt', 'evic', 'revenue', 'score', 'borrower']) if (f[name]) body[name] = f[name];
  if (f.how === 'noise') {
    if (!f.epsilon) return null;
    Object.assign(body, { epsilon: f.epsilon, bits: f.bits, decimals: f.decimals });
  }
  return body;
}

// Job follows a book until it is over; each request is held until there is news.
function Job({ of, session }) {
  const [j, set] = useState(of);
  const [failed, setFailed] = useState(null);
  const busy = j.state !== 'done' && j.state !== 'failed';
  useEffect(() => {
    if (!busy) return;
    const ended = new AbortController();
    get(`/api/financed/${j.id}?seen=${j.seen}`, ended.signal).then(set, (e) => { if (!ended.signal.aborted) setFailed(e); });
    return () => ended.abort();
  }, [busy, j.seen]);
  const spoken = useRef(language);
  useEffect(() => { // its sentences are the desk's, in the language that they were asked in
    if (spoken.current === language) return;
    spoken.current = language;
    get(`/api/financed/${j.id}`).then(set, () => {});
  }, [language]);
  const q = j.question;
  const file = (path) => () => { setFailed(null); save(path).catch(setFailed); };
  const a = j.answer;
  return html`<section class="book" data-state=${j.state} aria-label=${`${q.file}, ${q.period}`}>
    <div class=${`note ${j.state === 'done' ? 'good' : j.state === 'failed' ? 'bad' : ''}`} role="status">
      <p><strong>${q.file}</strong> · ${q.dataset} · ${q.measures.join(', ')} · ${q.period} · ${time(j.begun)}</p>
      <p>${j.progress ? t('stage.' + j.progress.stage) : t('bookstate.' + j.state)}${j.nodes && ` ${t('register.nodes.' + j.nodes)}`}${j.of > 0 && ` ${t('register.steps', { n: number(j.steps ?? 0), of: number(j.of) })}`}${j.again && ` · ${t('job.again')}`}</p>
      ${busy && html`<progress aria-label=${q.file} ...${j.progress ? { value: j.fraction ?? 0, max: 1 } : {}}></progress>
        ${j.waits && html`<p class="muted">${j.waits}</p>`}<p class="muted">${t('work.leave')}</p>`}
      ${a && html`<p>${j.free ? t('answer.stored', { time: time(a.answered) }) : a.repeats ? t('answer.repeat') : a.price ? t('answer.cost', { amount: figure(a.price), currency: a.currency ?? '' }) : t('answer.nocost')} <span class="muted">${t('answer.of')} <a href=${link('answer/' + a.query)}><${Id} of=${a.query} /></a> · ${t('answer.entry', { n: number(a.entry) })} · ${t('explain.version', { dataset: a.dataset, version: a.version })}</span></p>`}
    </div>
    <${Problem} of=${j.problem && { problem: j.problem }} />
    ${j.state === 'done' && html`<${BookReport} of=${j.report} whole=${j.whole} />
      <div class="row">
        ${session.principal && html`<button onClick=${file(`/api/answers/${encodeURIComponent(a.query)}/receipt`)}>${t('answer.receipt')}</button>`}
        ${['csv', 'excel-csv', 'json'].map((f) => html`<button class="plain" onClick=${file(`/api/financed/${j.id}/file?format=${f}`)}>${t('answer.as', { format: f === 'excel-csv' ? 'CSV (Excel)' : f.toUpperCase() })}</button>`)}
      </div>`}
    <${Problem} of=${failed} />
  </section>`;
}
