// An answer: what it cost, the figures as a table and a chart with coverage and noise in it, what was withheld, and its
// files.
import { useMemo, useRef, useState } from 'preact/hooks';
import { save } from './api.js';
import { Bars, Lines, savePicture } from './chart.js';
import { html } from './html.js';
import { MapOf } from './map.js';
import { Id, Problem, Scroll } from './parts.js';
import { figure, language, number, t, time } from './words.js';

// mostRows is how many rows are shown; files have all.
const mostRows = 500;

export function Answer({ of: a, free, session }) {
  const [failed, setFailed] = useState(null);
  const picture = useRef();
  const file = (path) => async () => {
    setFailed(null);
    try {
      await save(path);
    } catch (e) {
      setFailed(e);
    }
  };
  const charts = useMemo(() => chartsOf(a.table), [a.query, language]);
  const [kind, draw] = useState(localStorage.getItem('weir-chart') ?? '');
  const [column, setColumn] = useState(null);
  const offered = ['lines', 'bars', 'map'].filter((k) => charts[k]);
  const drawn = offered.includes(kind) ? kind : offered[0];
  const of = charts.map?.includes(column) ? column : charts.map?.[0];
  const choose = (k) => {
    localStorage.setItem('weir-chart', k);
    draw(k);
  };
  const onPicture = (f) => { picture.current = f; };
  const at = '/api/answers/' + encodeURIComponent(a.query);
  const cost = free ? t('answer.stored', { time: time(a.answered) })
    : a.repeats ? t('answer.repeat') : a.price ? t('answer.cost', { amount: figure(a.price), currency: a.currency ?? '' }) : t('answer.nocost');
  return html`
    <p class="row"><span>${cost}</span><span class="muted">${t('answer.of')} <${Id} of=${a.query} /> · ${t('answer.entry', { n: number(a.entry) })} · ${t('explain.version', { dataset: a.dataset, version: a.version })}</span></p>
    ${!a.whole && html`<div class="note"><p><strong>${t('answer.notwhole')}</strong></p><ul lang="en">${a.shortfall.slice(0, 20).map((s) => html`<li>${s}</li>`)}</ul></div>`}
    ${a.whole && a.shortfall.length > 0 && html`<div class="note"><ul lang="en">${a.shortfall.slice(0, 20).map((s) => html`<li>${s}</li>`)}</ul></div>`}
    <${Checked} of=${a.table.checked} />
    ${offered.length > 1 && html`<fieldset class="checks views"><legend class="out">${t('chart.as')}</legend>
      ${offered.map((k) => html`<label key=${k}><input type="radio" name="chart" value=${k} checked=${k === drawn} onChange=${() => choose(k)} />${t('chart.' + k)}</label>`)}
      ${drawn === 'map' && charts.map.length > 1 && html`<label class="inline">${t('map.column')} <select name="column" value=${of} onChange=${(e) => setColumn(e.target.value)}>${charts.map.map((c) => html`<option value=${c}>${c}</option>`)}</select></label>`}
    </fieldset>`}
    ${drawn === 'lines' && html`<${Lines} ...${charts.lines} caption=${charts.caption} onCanvas=${onPicture} />`}
    ${drawn === 'bars' && html`<${Bars} bars=${charts.bars} caption=${charts.caption} onSVG=${onPicture} />`}
    ${drawn === 'map' && html`<${MapOf} key=${of} answer=${a} column=${of} dims=${charts.dims} figures=${charts.figures} session=${session} onSVG=${onPicture} />`}
    <${Figures} of=${a.table} />
    <h2>${t('answer.files')}</h2>
    <div class="row">
      ${session.principal && html`<button onClick=${file(at + '/receipt')} id="receipt">${t('answer.receipt')}</button>`}
      ${['csv', 'excel-csv', 'xlsx', 'parquet', 'json'].map((f) => html`<button class="plain" onClick=${file(`${at}/file?format=${f}`)}>${t('answer.as', { format: f === 'excel-csv' ? 'CSV (Excel)' : f.toUpperCase() })}</button>`)}
      ${drawn && html`<button class="plain" onClick=${() => picture.current?.() && savePicture(picture.current(), `${a.dataset}-${a.query.slice(0, 10)}`).catch(setFailed)}>${t('answer.as', { format: 'PNG' })}</button>`}
    </div>
    <${Problem} of=${failed} />`;
}

// Checked is what comparing the answers of several sets of nodes told.
function Checked({ of: c }) {
  if (!c?.sets) return c ? html`<p class="muted" id="checked">${t('checked.nothing')}</p>` : null;
  const of = { sets: number(c.sets), nodes: c.members.join(', ') };
  if (c.agree) return html`<p class="muted" id="checked">${t('checked.agree', of)}</p>`;
  return html`<div class="note" id="checked"><p><strong>${t(c.suspects.length === 1 ? 'checked.lied' : 'checked.one', { ...of, suspects: c.suspects.join(', ') })}</strong></p></div>`;
}

const numeric = (c) => c.type === 'decimal' || c.type === 'integer';

function Figures({ of: table }) {
  const rows = table.rows.slice(0, mostRows);
  const covered = table.included?.length && table.included.some((n, i) => n < table.of[i]);
  return html`<${Scroll} label=${t('answer.figures')}><table>
    <thead><tr>${table.columns.map((c) => html`<th scope="col" class=${numeric(c) ? 'n' : ''}>${c.name}${c.unit && html` <small>(${c.unit})</small>`}</th>`)}
      ${covered && html`<th scope="col" class="n">${t('answer.covered')}</th>`}</tr></thead>
    <tbody>${rows.map((row, i) => html`<tr>${row.map((cell, j) => html`<td class=${numeric(table.columns[j]) ? 'n' : 'nowrap'}>${shown(table, cell, i, j)}</td>`)}
      ${covered && html`<td class="n">${number(table.included[i])} / ${number(table.of[i])}</td>`}</tr>`)}
      ${(table.withheld_groups ?? []).slice(0, 50).map((g) => html`<tr class="muted"><td colspan=${table.columns.length + (covered ? 1 : 0)}>${g.values.join(', ') || t('answerable.total')}: ${t('result.withheldgroup')}${g.of > 0 && ` (${number(g.included)} / ${number(g.of)})`}</td></tr>`)}
    </tbody>
  </table><//>
  ${table.rows.length === 0 && html`<p class="empty">${t('answer.norows')}</p>`}
  ${table.rows.length > mostRows && html`<p class="muted">${t('answer.first', { n: number(mostRows), of: number(table.rows.length) })}</p>`}`;
}

function shown(table, cell, i, j) {
  if (cell === null || cell === undefined) return '–';
  const text = numeric(table.columns[j]) ? figure(cell) : String(cell);
  const half = table.interval95?.[i]?.[j], ends = table.bounds?.[i]?.[j];
  return html`${text}${half && html` <small>± ${figure(half)}</small>`}${ends && html` <small>[${figure(ends[0])}, ${figure(ends[1])}]</small>`}`;
}

// seconds is when a period begins, in Unix seconds of the data's own time; NaN: it is no single period.
function seconds(text) {
  let m = /^(\d{4})-Q([1-4])$/.exec(text);
  if (m) return Date.UTC(m[1], (m[2] - 1) * 3) / 1000;
  m = /^(\d{4})-W(\d\d)$/.exec(text);
  if (m) {
    const fourth = new Date(Date.UTC(m[1], 0, 4));
    return (fourth.getTime() - ((fourth.getUTCDay() + 6) % 7) * 864e5 + (m[2] - 1) * 7 * 864e5) / 1000;
  }
  m = /^(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?:T(\d\d)(?::(\d\d))?)?$/.exec(text);
  return m ? Date.UTC(m[1], (m[2] ?? 1) - 1, m[3] ?? 1, m[4] ?? 0, m[5] ?? 0) / 1000 : NaN;
}

// chartsOf is how a table can be drawn: as lines over time where it has periods and at most one other dimension of a few
// values, as bars of its first figure where they are not very many, on a map of one of its columns of names; as nothing
// where it is a single row. dims and figures are the places of its columns.
export function chartsOf(table) {
  const figures = table.columns.flatMap((c, j) => (numeric(c) ? [j] : []));
  const names = table.columns.flatMap((c, j) => (numeric(c) ? [] : [j]));
  if (table.rows.length < 2 || !figures.length) return {};
  const first = table.columns[figures[0]];
  const of = { figures, dims: names, caption: captionOf(`${first.name}${first.unit ? ` (${first.unit})` : ''}`, table) };
  const mapped = names.filter((j) => table.columns[j].type === 'text').map((j) => table.columns[j].name);
  if (mapped.length) of.map = mapped;
  of.lines = linesOf(table, figures, names);
  if (table.rows.length <= 60) {
    const j = figures[0];
    of.bars = table.rows.map((r, i) => ({
      name: names.map((n) => r[n]).join(', ') || String(i + 1), value: value(r[j]), text: r[j] === null ? '–' : figure(r[j]),
      half: value(table.interval95?.[i]?.[j]) ?? 0, covered: table.of?.[i] > 0 ? table.included[i] / table.of[i] : 1,
    }));
  }
  return of;
}

const value = (v) => (v === null || v === undefined ? null : Number(v));

// linesOf are the lines of a table; null: it has none.
function linesOf(table, figures, names) {
  const period = table.columns.findIndex((c) => c.type === 'period');
  const others = names.filter((j) => j !== period);
  const first = table.columns[figures[0]];
  if (period < 0 || others.length > 1 || table.rows.some((r) => Number.isNaN(seconds(r[period])))) return null;
  const times = [...new Set(table.rows.map((r) => seconds(r[period])))].sort((a, b) => a - b);
  const named = times.map((s) => table.rows.find((r) => seconds(r[period]) === s)[period]);
  const groups = others.length ? [...new Set(table.rows.map((r) => r[others[0]]))] : [null];
  if (times.length < 2 || groups.length > 6) return null;
  const same = figures.filter((j) => table.columns[j].unit === first.unit && table.columns[j].type === first.type);
  const drawn = groups.length > 1 ? [figures[0]] : same.slice(0, 4);
  const series = groups.flatMap((g) => drawn.map((j) => {
    const rows = times.map((s) => table.rows.findIndex((r) => seconds(r[period]) === s && (g === null || r[others[0]] === g)));
    const values = rows.map((i) => (i < 0 ? null : value(table.rows[i][j])));
    const halves = rows.map((i) => (i < 0 ? null : value(table.interval95?.[i]?.[j])));
    const noised = halves.some((h) => h !== null);
    return {
      label: g === null ? table.columns[j].name : String(g), values,
      ...(noised && { high: values.map((v, i) => (v === null ? null : v + (halves[i] ?? 0))), low: values.map((v, i) => (v === null ? null : v - (halves[i] ?? 0))) }),
    };
  }));
  return { times, names: named, series, unit: first.unit };
}

// captionOf says what is drawn into a chart beside the figures.
function captionOf(caption, table) {
  const parts = [caption];
  if (table.interval95?.length) parts.push(t('chart.noise'));
  if (table.included?.some((n, i) => n < table.of[i])) parts.push(t('chart.coverage'));
  if (table.withheld > 0) parts.push(t('chart.withheld', { n: number(table.withheld) }));
  return parts.join(' · ');
}
