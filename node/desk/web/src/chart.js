// Charts: lines over time with uPlot, bars as SVG; map.js has maps. A chart is a picture of a table that stands beside it, so a screen
// reader is told what it is a picture of, and reads the table.
import { useEffect, useRef, useState } from 'preact/hooks';
import { html } from './html.js';
import { saveBlob } from './api.js';
import { language, t } from './words.js';

const colours = {
  light: ['#0b6580', '#b4500a', '#5b3fa0', '#1c6b3a', '#a3251e', '#6b5b00'],
  dark: ['#6cc7e0', '#f2a65a', '#b9a3f0', '#6fcf97', '#ff9b90', '#d9c85a'],
};

// themed is what a chart is drawn in: text, grid and lines as the page has them now.
export function themed() {
  const style = getComputedStyle(document.documentElement);
  const scheme = document.documentElement.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
  return {
    text: style.getPropertyValue('--pico-color').trim() || '#28323f',
    grid: style.getPropertyValue('--pico-muted-border-color').trim() || '#ddd',
    back: style.getPropertyValue('--pico-background-color').trim() || '#fff',
    lines: colours[scheme],
    scale: (scales) => scales[scheme],
    font: `12px ${style.getPropertyValue('--pico-font-family-sans-serif')}`,
  };
}

// useThemeChanges counts how often the theme changed.
export function useThemeChanges() {
  const [n, set] = useState(0);
  useEffect(() => {
    const changed = () => set((n) => n + 1);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    window.addEventListener('themechange', changed);
    dark.addEventListener('change', changed);
    return () => {
      window.removeEventListener('themechange', changed);
      dark.removeEventListener('change', changed);
    };
  }, []);
  return n;
}

// Lines draws series over times, which are Unix seconds of the data's own time. A series may have low and high, between
// which 95 % of its noise lies.
export function Lines({ times, names, series, unit, range, caption, height = 240, onCanvas }) {
  const place = useRef();
  const theme = useThemeChanges();
  useEffect(() => {
    let plot, watch, gone = false;
    import('uplot').then(({ default: uPlot }) => {
      if (gone || !place.current) return;
      const look = themed();
      const data = [times];
      const lines = [{ label: t('time'), value: (_, v, __, i) => (i == null ? '–' : names[i]) }];
      const bands = [];
      series.forEach((s, i) => {
        const stroke = look.lines[i % look.lines.length];
        data.push(s.values);
        lines.push({ label: s.label, stroke, width: 2, points: { show: times.length < 60, size: 6, fill: look.back }, spanGaps: false, value: (_, v) => (v == null ? '–' : `${v}${unit ? ' ' + unit : ''}`) });
        if (s.low) {
          const at = data.push(s.high, s.low) - 2;
          for (const what of ['+95 %', '−95 %']) lines.push({ label: `${s.label} ${what}`, stroke, width: 0.5, dash: [3, 3], points: { show: false } });
          bands.push({ series: [at, at + 1], fill: stroke + '33' });
        }
      });
      const axis = { stroke: look.text, font: look.font, grid: { stroke: look.grid, width: 1 }, ticks: { stroke: look.grid, width: 1 } };
      plot = new uPlot({
        width: place.current.clientWidth || 600, height, series: lines, bands,
        tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), 'Etc/UTC'),
        scales: { y: range ? { range } : {} },
        axes: [{ ...axis, values: (_, splits) => splits.map(nameTime(splits)) }, { ...axis, size: 70, values: (_, v) => v.map(nameNumber), label: unit, labelFont: look.font, labelSize: unit ? 18 : 0 }],
      }, data, place.current);
      onCanvas?.(() => plot.ctx.canvas);
      watch = new ResizeObserver(() => place.current && plot.setSize({ width: place.current.clientWidth, height }));
      watch.observe(place.current);
    });
    return () => {
      gone = true;
      watch?.disconnect();
      plot?.destroy();
    };
  }, [times, series, theme, language]);
  return html`<figure class="chart"><figcaption>${caption}</figcaption><div ref=${place} role="img" aria-label=${caption}></div></figure>`;
}

// nameTime names the marks of the axis of times by how far they are apart.
function nameTime(splits) {
  const step = splits.length > 1 ? splits[1] - splits[0] : 86400;
  return (s) => {
    const iso = new Date(s * 1000).toISOString();
    if (step >= 300 * 86400) return iso.slice(0, 4);
    if (step >= 25 * 86400) return iso.slice(0, 7);
    if (step >= 86400) return iso.slice(0, 10);
    return iso.slice(11, 16) === '00:00' ? iso.slice(5, 10) : iso.slice(11, 16);
  };
}

const nameNumber = (v) => (v == null ? '' : Intl.NumberFormat('en', { notation: Math.abs(v) >= 1e6 ? 'compact' : 'standard', maximumSignificantDigits: 6 }).format(v));

// useDrawing has the place of an SVG, which onSVG is told, and its width: that of what it stands in, from least to 720.
export function useDrawing(least, onSVG) {
  const place = useRef();
  const [width, setWidth] = useState(720);
  useEffect(() => {
    onSVG?.(() => place.current);
    const watch = new ResizeObserver(([e]) => setWidth(Math.max(least, Math.min(720, Math.floor(e.contentRect.width)))));
    watch.observe(place.current.parentElement);
    return () => watch.disconnect();
  }, []);
  return [place, width];
}

// Bars draws figures from zero. A bar may have half: 95 % of its noise is within ± half; and covered, the part of its
// group that is in it, below 1: what is not is hatched behind it.
export function Bars({ bars, caption, onSVG }) {
  const [place, width] = useDrawing(280, onSVG);
  useThemeChanges();
  const look = themed();
  const values = bars.flatMap((b) => (b.value == null ? [] : [b.value - (b.half ?? 0), b.value + (b.half ?? 0)]));
  const least = Math.min(0, ...values), most = Math.max(0, ...values);
  const left = Math.min(width / 3, 24 + 7.4 * Math.max(...bars.map((b) => widthOf(b.name)))), right = 24 + 7.4 * Math.max(...bars.map((b) => b.text.length));
  const scale = (v) => left + ((v - least) / (most - least || 1)) * (width - left - right);
  const high = 26;
  return html`<figure class="chart"><figcaption>${caption}</figcaption>
    <svg ref=${place} viewBox=${`0 0 ${width} ${bars.length * high + 8}`} width=${width} role="img" aria-label=${caption} font-family="system-ui, sans-serif" font-size="13" fill=${look.text}>
      <defs><${Hatch} id="hatch" look=${look} /></defs>
      ${bars.map((b, i) => {
        const y = 4 + i * high, from = scale(0), to = scale(b.value ?? 0);
        return html`<g key=${i}>
          <text x=${left - 8} y=${y + 16} text-anchor="end">${cut(b.name, (left - 24) / 7.4)}</text>
          ${b.value != null && html`<rect x=${Math.min(from, to)} y=${y + 3} width=${Math.max(1, Math.abs(to - from))} height=${high - 8} rx="2" fill=${look.lines[0]} />`}
          ${b.covered < 1 && html`<rect x=${Math.min(from, to)} y=${y + 3} width=${Math.abs(to - from)} height=${high - 8} rx="2" fill="url(#hatch)" />`}
          ${b.half > 0 && html`<path d=${`M${scale(b.value - b.half)} ${y + high / 2 - 1}H${scale(b.value + b.half)}m0 -5v10M${scale(b.value - b.half)} ${y + high / 2 - 6}v10`} stroke=${look.text} stroke-width="1.5" fill="none" />`}
          <text x=${Math.max(to, from, b.half ? scale(b.value + b.half) : 0) + 6} y=${y + 16}>${b.text}</text>
        </g>`;
      })}
      <line x1=${scale(0)} x2=${scale(0)} y1="0" y2=${bars.length * high + 8} stroke=${look.text} opacity="0.5" />
    </svg></figure>`;
}

// Hatch is a pattern of slanting lines, for what is not there.
// within is how many times smaller what is within is drawn than it says.
export const Hatch = ({ id, look, within = 1 }) => html`<pattern id=${id} width="6" height="6" patternUnits="userSpaceOnUse" patternTransform=${`scale(${within}) rotate(45)`}><line x1="0" y1="0" x2="0" y2="6" stroke=${look.text} stroke-width="1.5" opacity="0.5" /></pattern>`;

const widthOf = (text) => [...text].reduce((n, c) => n + (c > '\u2e80' ? 1.8 : 1), 0);
export const cut = (text, most) => {
  let at = text.length;
  while (at > 1 && widthOf(text.slice(0, at)) > most) at--;
  return at < text.length ? text.slice(0, at) + '…' : text;
};

// savePicture saves a chart as PNG: a canvas as it is, an SVG drawn on one.
export async function savePicture(what, name) {
  let canvas = what;
  if (what instanceof SVGElement) {
    const box = what.viewBox.baseVal;
    const image = new Image();
    image.src = 'data:image/svg+xml,' + encodeURIComponent(new XMLSerializer().serializeToString(what));
    await image.decode();
    canvas = document.createElement('canvas');
    canvas.width = box.width * 2;
    canvas.height = box.height * 2;
    const draw = canvas.getContext('2d');
    draw.fillStyle = themed().back;
    draw.fillRect(0, 0, canvas.width, canvas.height);
    draw.drawImage(image, 0, 0, canvas.width, canvas.height);
  }
  const blob = await new Promise((done) => canvas.toBlob(done, 'image/png'));
  saveBlob(blob, name + '.png');
}
