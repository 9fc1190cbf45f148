// Asking: the editor with what the query would cost and release, the query on its way, and its answer.
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { get, post } from '../api.js';
import { html } from '../html.js';
import { Field, Id, link, Page, Problem, shortened, useLoad, tongue } from '../parts.js';
import { figure, number, t, language } from '../words.js';
import { Answer } from '../answer.js';

// questionFrom reads a question from the address.
function questionFrom(p) {
  const q = { sql: p.sql ?? '' };
  for (const name of ['contract', 'join_contract', 'epsilon', 'delta']) if (p[name]) q[name] = p[name];
  for (const name of ['as_of', 'join_as_of']) if (Number(p[name]) > 0) q[name] = Number(p[name]);
  for (const name of ['partial', 'complete', 'fresh', 'as_of_auto']) if (p[name] === 'true') q[name] = true;
  return q;
}

// addressOf is the page of a question, with the job that asks it.
export const addressOf = (q, job) => link('query', { ...q, job });

// keepAddress writes the address, unless another page's was chosen already: this page is told of that a moment later.
const keepAddress = (address) => /^#\/query(\?|$)/.test(location.hash) && history.replaceState(null, '', address);

export function Query({ parameters, session }) {
  const [question, setQuestion] = useState(() => questionFrom(parameters));
  const [job, setJob] = useState(null);
  const [failed, setFailed] = useState(null);
  const [asking, setAsking] = useState(false);
  const explained = useExplained(question);
  const change = (c) => setQuestion((q) => clean({ ...q, ...c }));
  const [taken, setTaken] = useState(0);
  const take = (q) => {
    setQuestion(clean(q));
    setTaken((n) => n + 1);
  };

  // The address has the question and its job, so that a reload goes on where it was: the job at once.
  const address = addressOf(question, job?.id ?? parameters.job);
  useEffect(() => {
    const later = setTimeout(() => keepAddress(address), 200);
    return () => clearTimeout(later);
  }, [address]);
  useLayoutEffect(() => { if (job) keepAddress(address); }, [job?.id]);
  useEffect(() => {
    if (!parameters.job) return;
    const ended = new AbortController();
    get('/api/queries/' + encodeURIComponent(parameters.job), ended.signal).then((j) => setJob(j), () => {});
    return () => ended.abort();
  }, []);
  useJob(job, setJob, setFailed);

  async function ask() {
    if (!question.sql.trim() || asking || session.read_only) return;
    setAsking(true);
    setFailed(null);
    try {
      setJob(await post('/api/queries', question));
    } catch (e) {
      setFailed(e);
    }
    setAsking(false);
  }
  const doAsk = useRef();
  doAsk.current = ask;
  const busy = asking || job?.state === 'asking';
  return html`<${Page} title=${t('query')}>
    <div class="split">
      <section aria-label=${t('query.write')}>
        <${Editor} value=${question.sql} taken=${taken} fault=${explained.problem?.line ? explained.problem : null} onChange=${(sql) => change({ sql })} onAsk=${() => doAsk.current()} />
        <div class="row">
          <button onClick=${ask} disabled=${busy || session.read_only || !question.sql.trim()} aria-busy=${busy} title="Ctrl+Enter">${t(busy ? 'query.asking' : 'query.ask')}</button>
          <small>${session.read_only ? t('query.readonly') : t('query.keys')}</small>
        </div>
        <${Options} of=${question} change=${change} />
        <p><a href=${link('tools')}>${t('tools.link')}</a></p>
      </section>
      <section aria-label=${t('explain')} aria-live="polite" id="explain">
        <${Explained} of=${explained} question=${question} take=${take} session=${session} />
      </section>
    </div>
    <${Problem} of=${failed} />
    ${job && html`<${Job} of=${job} session=${session} />`}
  <//>`;
}

// clean leaves out what was not chosen.
const clean = (q) => Object.fromEntries(Object.entries(q).filter(([k, v]) => k === 'sql' || (v !== '' && v !== false && v !== undefined && v !== 0)));

// useJob follows a job until it is over; each request is held until there is news.
function useJob(job, set, fail) {
  const pending = job?.state === 'asking';
  useEffect(() => {
    if (!pending) return;
    const ended = new AbortController();
    (async () => {
      let seen = job.seen, misses = 0;
      while (!ended.signal.aborted) {
        try {
          const next = await get(`/api/queries/${job.id}?seen=${seen}`, ended.signal);
          misses = 0;
          seen = next.seen;
          set(next);
          if (next.state !== 'asking') return;
        } catch (e) {
          if (ended.signal.aborted) return;
          if (e.status || ++misses > 5) return fail(e);
          await new Promise((r) => setTimeout(r, 1000));
        }
      }
    })();
    return () => ended.abort();
  }, [job?.id, pending]);
}

// useExplained asks what a question would do, a moment after it was last changed.
function useExplained(question) {
  const [state, set] = useState({});
  const text = JSON.stringify({ ...question, fresh: undefined });
  useEffect(() => {
    if (!question.sql.trim()) return void set({});
    const ended = new AbortController();
    const later = setTimeout(async () => {
      set((s) => ({ ...s, loading: true }));
      try {
        const x = await post('/api/explain', JSON.parse(text), ended.signal);
        set({ ...x, of: text });
      } catch (e) {
        if (!ended.signal.aborted) set({ problem: e.problem ?? { message: String(e) }, of: text });
      }
    }, 350);
    return () => {
      clearTimeout(later);
      ended.abort();
    };
  }, [text, language]);
  return { ...state, stale: state.of !== text };
}

const noNames = { measures: [], columns: [], grains: [], functions: [], datasets: [] };

function Editor({ value, taken, fault, onChange, onAsk }) {
  const host = useRef(), editor = useRef(), names = useRef(noNames);
  const latest = useRef(value);
  latest.current = value;
  const [loaded, setLoaded] = useState(false);
  const dataset = /\bfrom\s+(?:"([^"]+)"|([\p{L}_][\p{L}\p{N}_]*))/iu.exec(value)?.slice(1).find(Boolean);
  const datasets = useLoad((signal) => get('/api/catalogue', signal), []);
  const of = useLoad(async (signal) => {
    const ids = datasets.data?.datasets.map((d) => d.id) ?? [];
    const known = dataset && ids.includes(dataset) ? await get(`/api/datasets/${encodeURIComponent(dataset)}/names`, signal) : noNames;
    return { ...known, datasets: ids };
  }, [dataset, datasets.data]);
  if (of.data) names.current = of.data;
  useEffect(() => {
    let gone = false;
    import('../editor.js').then(({ mount }) => {
      if (gone || !host.current) return; // cleanups run after the next frame, and references are empty before
      editor.current = mount(host.current, { value: latest.current, label: t('query.sql'), placeholder: t('query.placeholder'), names: () => names.current, onChange, onAsk });
      setLoaded(true);
    });
    return () => {
      gone = true;
      editor.current?.destroy();
    };
  }, []);
  // The editor gets a text only where one was taken. What it said itself is not put back into it: it is further by now.
  useEffect(() => editor.current?.set(latest.current), [taken]);
  useEffect(() => editor.current?.fault(fault), [fault, loaded]);
  return html`<div class="editor">
    ${!loaded && html`<textarea aria-label=${t('query.sql')} rows="6" spellcheck=${false} value=${value} onInput=${(e) => onChange(e.target.value)}></textarea>`}
    <div ref=${host} id="editor"></div>
  </div>`;
}

function Options({ of: q, change }) {
  const contracts = useLoad((signal) => get('/api/contracts', signal), []);
  const active = (contracts.data?.contracts ?? []).filter((k) => k.state === 'active' && k.buyer !== k.publisher);
  const number = (name) => (e) => change({ [name]: Math.max(0, Math.floor(Number(e.target.value))) || 0 });
  return html`<details style=${{ marginTop: '.75rem' }}>
    <summary>${t('options')}</summary>
    <div class="fields">
      <${Field} label=${t('options.contract')}><select value=${q.contract ?? ''} onChange=${(e) => change({ contract: e.target.value })}>
        <option value="">${t('options.anycontract')}</option>
        ${active.map((k) => html`<option value=${k.id}>${k.id.slice(0, 10)} (${k.dataset})</option>`)}
        ${q.contract && !active.some((k) => k.id === q.contract) && html`<option value=${q.contract}>${q.contract.slice(0, 10)}</option>`}
      </select><//>
      <${Field} label=${t('options.asof')}><input type="number" min="1" value=${q.as_of ?? ''} placeholder=${t('options.newest')} onChange=${number('as_of')} /><//>
      <${Field} label=${t('options.epsilon')}><input inputmode="decimal" value=${q.epsilon ?? ''} placeholder=${t('options.exact')} onChange=${(e) => change({ epsilon: e.target.value.trim() })} /><//>
      <${Field} label=${t('options.delta')}><input inputmode="decimal" value=${q.delta ?? ''} placeholder=${t('options.laplace')} onChange=${(e) => change({ delta: e.target.value.trim() })} /><//>
    </div>
    <label><input type="checkbox" checked=${q.partial ?? false} onChange=${(e) => change({ partial: e.target.checked, complete: false })} />${t('options.partial')}</label>
    <label><input type="checkbox" checked=${q.complete ?? false} onChange=${(e) => change({ complete: e.target.checked, partial: false })} />${t('options.complete')}</label>
    <label><input type="checkbox" checked=${q.fresh ?? false} onChange=${(e) => change({ fresh: e.target.checked })} />${t('options.fresh')}</label>
    <label><input type="checkbox" name="verify" checked=${q.verify ?? false} onChange=${(e) => change({ verify: e.target.checked })} />${t('options.verify')}</label>
  </details>`;
}

// nearer puts what was probably meant in the place of what was typed.
function nearer(sql, p) {
  const lines = sql.split('\n');
  const line = [...(lines[p.line - 1] ?? '')];
  line.splice(p.column - 1, [...p.near].length, p.nearest);
  lines[p.line - 1] = line.join('');
  return lines.join('\n');
}

function Explained({ of: x, question, take, session }) {
  if (!question.sql.trim()) return html`<h2 style=${{ marginTop: 0 }}>${t('explain')}</h2><p class="muted">${t('explain.empty')}</p>`;
  const p = x.problem, e = x.explain;
  return html`<h2 style=${{ marginTop: 0 }} aria-busy=${x.stale && x.loading ? 'true' : undefined}>${t('explain')}</h2>
    ${p && html`<div class="note bad">
      <p><strong>${t(p.kind === 'sql' ? 'explain.fault' : 'explain.refused')}</strong>${p.line > 0 && ` ${t('explain.at', { line: p.line, column: p.column })}`}</p>
      <p lang=${tongue(p.message)}>${shortened(p.message)}</p>
      ${p.accepted && html`<p class="muted">${t('explain.accepted')} <span lang="en">${p.accepted}</span></p>`}
      ${p.fix && !x.changes?.length && html`<p lang=${tongue(p.fix)}>${shortened(p.fix)}</p>`}
      <ul class="changes">
        ${p.nearest && p.near && html`<li><button onClick=${() => take({ ...question, sql: nearer(question.sql, p) })}>${t('explain.nearest', { near: p.near, nearest: p.nearest })}</button></li>`}
        ${(x.changes ?? []).map((c) => html`<li><button class="take" onClick=${() => take(c.question)}><span lang=${tongue(c.words)}>${c.words}</span></button>
          <small> ${t(c.explain.groups === 1 ? 'explain.getsone' : 'explain.gets', { n: number(c.explain.groups) })}${c.explain.price && ` · ${t('explain.costs', { amount: c.explain.price, currency: c.explain.currency })}`}</small></li>`)}
        ${p.rule === 'contract' && !session.read_only && html`<li><a role="button" href=${link('order', { sql: question.sql })}>${t('listing.orderfor')}</a></li>`}
      </ul>
    </div>`}
    ${e && html`
      <div class="note good">
        <p><strong>${t(e.groups === 1 ? 'explain.getsone' : 'explain.gets', { n: number(e.groups) })}</strong>${e.withheld > 0 && ` · ${t('explain.withheld', { n: number(e.withheld) })}`}</p>
      </div>
      <dl>
        <dt>${t('explain.cost')}</dt><dd>${e.repeats ? t('explain.repeats') : e.price ? `${figure(e.price)} ${e.currency ?? ''}` : t('explain.free')}</dd>
        ${e.budget_left && html`<dt>${t('explain.budget')}</dt><dd>${figure(e.budget_left)} ${e.currency ?? ''}</dd>`}
        ${e.queries_left != null && html`<dt>${t('explain.queries')}</dt><dd>${number(e.queries_left)}</dd>`}
        ${e.contract && html`<dt>${t('explain.contract')}</dt><dd><a href=${link('contract/' + e.contract)}><${Id} of=${e.contract} /></a></dd>`}
        <dt>${t('explain.dataset')}</dt><dd>${t('explain.version', { dataset: e.dataset, version: e.version })}</dd>
        ${e.coverage && html`<dt>${t('explain.whole')}</dt><dd>${number(e.whole)} / ${number(e.groups)}</dd>`}
        <dt>${t('explain.takes')}</dt><dd>${t('explain.ms', { n: number(e.estimated_ms) })}</dd>
        ${e.noise && html`<dt>${t('explain.epsilon')}</dt><dd>${t('explain.epsilonof', { epsilon: e.noise.epsilon, left: e.noise.contract.left, limit: e.noise.contract.limit, family: e.noise.family.left })}</dd>
          ${e.noise.sums.map((s) => html`<dt>${t('explain.noise')}</dt><dd><span lang="en">${s.what}</span>: ± ${s.interval95} ${s.unit}</dd>`)}`}
      </dl>
      <${Less} of=${e} />
      <p class="muted" lang="en">${shortened(e.verdict.join(' · '))}</p>
      <details><summary>${t('explain.nodes')}</summary><p lang="en">${e.nodes}</p></details>`}
    ${!p && !e && html`<p aria-busy="true">${t('loading')}</p>`}`;
}

// Less is what would be missing.
function Less({ of: e }) {
  const rows = (e.coverage ?? []).filter((r) => r.included < r.of || r.held_back > 0);
  const withheld = e.withheld_groups ?? [];
  if (!rows.length && !withheld.length) return null;
  return html`<details open=${withheld.length > 0}><summary>${t('explain.less')}</summary><ul>
    ${withheld.map((g) => html`<li>${g}: ${t('result.withheldgroup')}</li>`)}
    ${rows.slice(0, 20).map((r) => html`<li>${r.group}: ${t('explain.part', { n: number(r.included), of: number(r.of) })}${r.held_back > 0 && ` · ${t('explain.heldback', { n: number(r.held_back) })}`}</li>`)}
  </ul></details>`;
}

function Job({ of: j, session }) {
  const heading = useRef();
  useEffect(() => { if (j.state !== 'asking') heading.current?.focus({ preventScroll: false }); }, [j.state]);
  return html`<section aria-labelledby="answer" aria-live="polite">
    <h2 id="answer" tabindex="-1" ref=${heading}>${t('answer')}</h2>
    ${j.state === 'asking' && html`
      <p role="status">${j.progress ? t('stage.' + j.progress.stage) : t(j.query ? 'job.waiting' : 'job.asking')}${j.again && ` · ${t('job.again')}`}</p>
      <progress aria-label=${t('answer')} ...${j.progress ? { value: j.fraction, max: 1 } : {}}></progress>
      <p class="muted">${t('job.leave')}</p>`}
    ${(j.failed_attempts ?? []).map((w) => html`<p class="note bad">${t('job.failed')} <span lang=${tongue(w)}>${w}</span></p>`)}
    <${Problem} of=${j.problem && { problem: j.problem }} />
    ${j.note && html`<p class="note bad" lang="en">${j.note}</p>`}
    ${j.answer && html`<${Answer} of=${j.answer} free=${j.free} session=${session} />`}
  </section>`;
}
