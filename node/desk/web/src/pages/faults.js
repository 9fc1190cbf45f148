// What is wrong with files, in their own rows: a cell is mended where it stands.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { Scroll, tongue } from '../parts.js';
import { number, t } from '../words.js';

export function FaultTables({ of: d, act, busy }) {
  const [mends, set] = useState({});
  const f = d.faults;
  const shown = new Set(f.tables.map((x) => x.file));
  const key = (file, row, at) => JSON.stringify([file, row, at]);
  async function mend(e) {
    e.preventDefault();
    const list = Object.entries(mends).map(([k, text]) => { const [file, row, column] = JSON.parse(k); return column < 0 ? { file, row, column: 0, text: '', out: true } : { file, row, column, text }; });
    if (list.length && !(await act('mends', { mends: list }))) return;
    act('check');
  }
  return html`<div class="note bad" role="alert"><p><strong>${t(f.total === 1 ? 'faults.one' : 'faults.count', { n: number(f.total) })}</strong> ${t('faults.how')}</p></div>
    <form onSubmit=${mend}>
    ${f.list.filter((x) => !x.row || !shown.has(x.file)).map((x) => html`<p><strong>${x.file}</strong>${x.row ? ` · ${t('faults.row')} ${x.row}` : ''}: <${Sentence} of=${x} /></p>`)}
    ${f.tables.map((table) => html`<h3 key=${table.file}>${table.file}${table.sheet && ` · ${table.sheet}`}</h3>
      <ul class="narrowonly">${f.list.filter((x) => x.file === table.file && x.row).map((x) => html`<li>${t('faults.row')} ${x.row}${x.at >= 0 && x.column ? `, ${x.column}` : ''}: <${Sentence} of=${x} /></li>`)}</ul>
      <${Scroll} label=${table.file}><table class="faults">
        <thead><tr><th scope="col" class="n">${t('faults.row')}</th>${table.header.map((h) => html`<th scope="col">${h}</th>`)}<th scope="col">${t('faults.what')}</th></tr></thead>
        <tbody>${table.rows.map((row) => {
          const wrong = f.list.filter((x) => x.file === table.file && x.row === row.row);
          const out = key(table.file, row.row, -1);
          return html`<tr key=${row.row} class=${wrong.length ? 'wrong' : ''}><th scope="row" class="n">${row.row}</th>
            ${table.header.map((h, at) => {
              const here = wrong.some((x) => x.at === at || x.at < 0);
              const k = key(table.file, row.row, at);
              if (!here) return html`<td>${row.fields[at] ?? ''}</td>`;
              return html`<td class=${wrong.some((x) => x.at === at) ? 'cell' : ''}><input name=${`mend-${row.row}-${at}`} aria-label=${t('faults.cell', { row: row.row, column: h })} aria-invalid=${wrong.some((x) => x.at === at) ? 'true' : undefined} value=${mends[k] ?? row.fields[at] ?? ''}
                disabled=${busy} onInput=${(e) => set({ ...mends, [k]: e.target.value })} /></td>`;
            })}
            <td class="sentence">${wrong.map((x) => html`<p><${Sentence} of=${x} /></p>`)}
              ${wrong.length > 0 && html`<label><input type="checkbox" checked=${out in mends} disabled=${busy} onChange=${(e) => { const next = { ...mends }; if (e.target.checked) next[out] = ''; else delete next[out]; set(next); }} />${t('faults.out')}</label>`}</td></tr>`;
        })}</tbody></table><//>`)}
    ${f.total > f.list.length && html`<p>${t('faults.more', { n: number(f.total - f.list.length) })}</p>`}
    <div class="row"><button type="submit" disabled=${busy}>${t('faults.mend')}</button></div></form>`;
}

const Sentence = ({ of: x }) => html`<span lang=${tongue(x.message)}>${x.at < 0 && x.column ? `${x.column}: ` : ''}${x.message}${x.want && `; ${x.want}`}</span>`;
