// A map of areas in the colours of a figure. The desk draws the areas of the file that was given; this has their colours,
// and says of each in words what it shows. It is a picture of the table beside it.
import { useState } from 'preact/hooks';
import { get, post } from './api.js';
import { cut, Hatch, themed, useDrawing, useThemeChanges } from './chart.js';
import { Drop, encoded } from './drop.js';
import { html } from './html.js';
import { Field, Problem, useLoad } from './parts.js';
import { figure, number, t } from './words.js';

// scales are from little to much: told apart by their lightness alone, so that no colour has to be.
const scales = {
  light: ['#d9ecf2', '#a3cfdd', '#63a9bf', '#2b7f99', '#0b4f66'],
  dark: ['#183a46', '#24606f', '#348fa3', '#6cc0d4', '#c4ecf6'],
};

// steps are bounds of at most five classes of values, the least and the most among them. They are round and lie equally
// far apart; where most values would be of one class, each has about as many.
export function steps(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const least = sorted[0], most = sorted.at(-1);
  if (least === most) return [least, most];
  const raw = (most - least) / 5, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 2.5, 5, 10].find((f) => f * power >= raw);
  const first = Math.floor(least / step) * step;
  const equal = [];
  for (let i = 0; equal.length < 6 && (i === 0 || first + (i - 1) * step < most); i++) equal.push(Number((first + i * step).toPrecision(12)));
  if (equal.at(-1) < most) equal.push(Number((first + equal.length * step).toPrecision(12)));
  const inClass = equal.slice(1).map((to, i) => sorted.filter((v) => v >= equal[i] && (v < to || i === equal.length - 2)).length);
  if (equal.length <= 6 && Math.max(...inClass) * 3 <= sorted.length * 2) return equal;
  const parts = [0, 1, 2, 3, 4, 5].map((i) => sorted[Math.round((i * (sorted.length - 1)) / 5)]);
  return [...new Set(parts)];
}

// classOf is the class of a value.
const classOf = (bounds, v) => {
  const i = bounds.findLastIndex((b) => v >= b);
  return Math.max(0, Math.min(i, bounds.length - 2));
};

// colourOf is the colour of a class: of fewer than five they lie apart all the same.
const colourOf = (scale, i, of) => scale[of < 2 ? 3 : Math.round((i * 4) / (of - 1))];

// MapOf is the map of a column of an answer, or the place where one is dropped.
export function MapOf({ answer: a, column, dims, figures, onSVG, session }) {
  const at = `/api/answers/${encodeURIComponent(a.query)}/map?column=${encodeURIComponent(column)}`;
  const map = useLoad((signal) => get(at, signal), [at]);
  const [failed, setFailed] = useState(null);
  const keep = async (change) => {
    setFailed(null);
    try {
      await post('/api/maps', { dataset: a.dataset, column, ...change });
      map.reload();
    } catch (e) {
      setFailed(e);
    }
  };
  const drop = async (file) => file && keep({ file: file.name, bytes: await encoded(file) });
  const mayDrop = !session.read_only;
  const dropped = html`${mayDrop && html`<${Drop} name="map" label=${t('map.drop', { column })} accept=".json,.geojson" onFile=${drop} />`}<${Problem} of=${failed} />`;
  if (map.problem) return html`<${Problem} of=${map.problem} again=${map.reload} />${dropped}`;
  if (!map.data) return html`<p aria-busy="true" role="status">${t('loading')}</p>`;
  if (!map.data.file) return html`<div class="note"><p>${t(mayDrop ? 'map.none' : 'map.nonehere', { column })}</p></div>${dropped}`;
  const m = map.data;
  return html`<${Areas} map=${m} table=${a.table} column=${column} dims=${dims} figures=${figures} onSVG=${onSVG} />
    ${m.no_area.length > 0 && html`<div class="note bad"><p>${t('map.noarea', { n: number(m.no_area.length) })} ${listed(m.no_area)}</p></div>`}
    <details open=${m.no_area.length > 0}><summary>${t('map.of', { file: m.file })}</summary>
      <p class="long"><small>${t('map.digest')} <span class="id">${m.digest}</span></small></p>
      ${m.no_value.length > 0 && html`<p>${t('map.novalue', { n: number(m.no_value.length) })} ${listed(m.no_value)}</p>`}
      ${mayDrop && m.properties.length > 1 && html`<div class="narrowfield"><${Field} label=${t('map.property')}><select name="property" value=${m.property} onChange=${(e) => keep({ property: e.target.value })}>
        ${m.properties.map((p) => html`<option value=${p}>${p}</option>`)}
      </select><//></div>`}
      ${dropped}
    </details>`;
}

const listed = (names) => names.slice(0, 30).join(', ') + (names.length > 30 ? '…' : '');

function Areas({ map, table, column, dims, figures, onSVG }) {
  const [chosen, choose] = useState('');
  const [which, setWhich] = useState(figures[0]);
  const [part, setPart] = useState('');
  const [place, width] = useDrawing(240, onSVG);
  useThemeChanges();
  const look = themed();

  // A query that groups by more has a map for each of its other groups.
  const at = table.columns.findIndex((c) => c.name === column);
  const others = dims.filter((j) => j !== at);
  const otherOf = (r) => others.map((j) => r[j]).join(', ');
  const parts = [...new Set(table.rows.map(otherOf))];
  const shown = parts.includes(part) ? part : parts[0];
  const j = figures.includes(which) ? which : figures[0];
  const c = table.columns[j];
  const rows = new Map(table.rows.flatMap((r, i) => (otherOf(r) === shown && r[at] != null ? [[r[at], i]] : [])));
  const ofPart = (g) => g.values.length === dims.length && others.map((o) => g.values[dims.indexOf(o)]).join(', ') === shown;
  const withheld = new Map((table.withheld_groups ?? []).filter(ofPart).map((g) => [g.values[dims.indexOf(at)], g]));
  const valueOf = (v) => (rows.has(v) && table.rows[rows.get(v)][j] != null ? Number(table.rows[rows.get(v)][j]) : null);
  const values = map.areas.map((a) => valueOf(a.value)).filter((v) => v !== null);
  const bounds = values.length ? steps(values) : [];
  const classes = Math.max(1, bounds.length - 1);

  // words say what an area shows.
  const words = (a) => {
    const name = a.value || a.name || t('map.unnamed');
    const i = rows.get(a.value), g = withheld.get(a.value);
    if (i === undefined) return `${name}: ${g ? t('result.withheldgroup') + (g.of > 0 ? ` (${number(g.included)} / ${number(g.of)})` : '') : t('map.nofigure')}`;
    const half = table.interval95?.[i]?.[j], ends = table.bounds?.[i]?.[j];
    const said = [table.rows[i][j] == null ? t('map.empty') : figure(table.rows[i][j]) + (half ? ` ± ${figure(half)}` : '') + (c.unit ? ` ${c.unit}` : '') + (ends ? ` [${figure(ends[0])}, ${figure(ends[1])}]` : '')];
    if (table.of?.[i] > 0) said.push(t('map.entities', { n: number(table.included[i]), of: number(table.of[i]) }));
    return `${name}: ${said.join(' · ')}`;
  };
  const fill = (a) => {
    const v = valueOf(a.value);
    if (v !== null) return colourOf(look.scale(scales), classOf(bounds, v), classes);
    return withheld.has(a.value) ? 'url(#withheld-area)' : look.back;
  };
  const drawn = map.areas.map((a, i) => ({ ...a, i }));
  const some = chosen === '' ? null : drawn[chosen];
  const named = drawn.filter((a) => a.value).toSorted((a, b) => (valueOf(b.value) ?? -Infinity) - (valueOf(a.value) ?? -Infinity));
  const caption = [`${c.name}${c.unit ? ` (${c.unit})` : ''}`, ...(others.length ? [shown] : []), ...(table.withheld > 0 ? [t('chart.withheld', { n: number(table.withheld) })] : [])].join(' · ');

  // The legend is part of the picture, so that it goes along when it is saved.
  const legend = [];
  for (let k = 0; k < (bounds.length > 1 ? bounds.length - 1 : bounds.length); k++) {
    const exact = bounds[k] === bounds[k + 1] || bounds.length === 1;
    legend.push({ fill: colourOf(look.scale(scales), k, classes), text: exact ? figure(bounds[k]) : `${figure(bounds[k])} – ${figure(bounds[k + 1])}` });
  }
  if (map.areas.some((a) => withheld.has(a.value))) legend.push({ fill: 'url(#withheld)', text: t('map.withheld') });
  if (map.areas.some((a) => valueOf(a.value) === null && !withheld.has(a.value))) legend.push({ fill: look.back, text: t('map.nofigure') });
  const across = width < 420 ? 2 : 3, high = 24;
  const scale = Math.min((width - 4) / map.width, 460 / map.height);
  const tall = Math.ceil(map.height * scale) + 14;
  const total = tall + Math.ceil(legend.length / across) * high;
  const border = 1 / scale;
  return html`
    ${(figures.length > 1 || others.length > 0) && html`<div class="fields narrowfields">
      ${figures.length > 1 && html`<${Field} label=${t('map.figure')}><select name="figure" value=${j} onChange=${(e) => setWhich(Number(e.target.value))}>${figures.map((f) => html`<option value=${f}>${table.columns[f].name}</option>`)}</select><//>`}
      ${others.length > 0 && html`<${Field} label=${others.map((o) => table.columns[o].name).join(', ')}><select name="part" value=${shown} onChange=${(e) => setPart(e.target.value)}>${parts.map((p) => html`<option value=${p}>${p}</option>`)}</select><//>`}
    </div>`}
    <figure class="chart map"><figcaption>${caption}</figcaption>
      <svg ref=${place} viewBox=${`0 0 ${width} ${total}`} width=${width} height=${total} role="img" aria-label=${caption} font-family="system-ui, sans-serif" font-size="13" fill=${look.text}>
        <defs><${Hatch} id="withheld" look=${look} /><${Hatch} id="withheld-area" look=${look} within=${1 / scale} /></defs>
        <g transform=${`translate(2 4) scale(${scale})`} fill-rule="evenodd" stroke-linejoin="round">
          ${drawn.map((a) => html`<path key=${a.i} class="area" d=${a.path} fill=${fill(a)} stroke=${look.grid} stroke-width=${border} data-value=${a.value} onPointerEnter=${() => choose(a.i)} onClick=${() => choose(a.i)}><title>${words(a)}</title></path>`)}
          ${drawn.map((a) => html`<path key=${'l' + a.i} d=${a.path} fill="none" stroke=${look.text} stroke-width=${border * 0.6} opacity="0.55" pointer-events="none" />`)}
          ${some && html`<path d=${some.path} fill="none" stroke=${look.text} stroke-width=${border * 3} pointer-events="none" />`}
        </g>
        ${legend.map((l, k) => {
          const x = (k % across) * (width / across) + 1, y = tall + Math.floor(k / across) * high;
          return html`<g key=${k}><rect x=${x} y=${y + 3} width="18" height="15" rx="2" fill=${l.fill} stroke=${look.text} stroke-width="0.75" /><text x=${x + 25} y=${y + 15}>${cut(l.text, (width / across - 30) / 7.2)}</text></g>`;
        })}
      </svg>
      <div class="picked">
        <select name="area" aria-label=${t('map.area')} value=${chosen} onChange=${(e) => choose(e.target.value === '' ? '' : Number(e.target.value))}>
          <option value="">${t('map.pick')}</option>
          ${some && !some.value && html`<option value=${some.i}>${some.name || t('map.unnamed')}</option>`}
          ${named.map((a) => html`<option value=${a.i}>${a.value}</option>`)}
        </select>
        <output aria-live="polite">${some ? words(some) : ''}</output>
      </div>
    </figure>`;
}
