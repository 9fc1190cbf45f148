// The editor of SQL. It is loaded when a query is written; until then a plain text field stands in its place. It is
// mounted in a shadow root, where its styles are sheets that the content policy allows: it has none in the page.
import { autocompletion, closeBrackets, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { sql, SQLDialect } from '@codemirror/lang-sql';
import { HighlightStyle, syntaxHighlighting, bracketMatching } from '@codemirror/language';
import { setDiagnostics } from '@codemirror/lint';
import { Annotation, EditorState } from '@codemirror/state';
import { EditorView, keymap, placeholder as placeholderOf } from '@codemirror/view';
import { tags } from '@lezer/highlight';

const words = 'select from where group by order limit and or not in between as asc desc having join using like case when then else end';
const dialect = SQLDialect.define({ keywords: words, builtin: '', types: '', doubleQuotedStrings: false, charSetCasts: false });

const look = EditorView.theme({
  '&': { color: 'var(--pico-color)', backgroundColor: 'transparent', fontSize: '0.92rem' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'ui-monospace, Consolas, "Liberation Mono", Menlo, monospace', lineHeight: '1.5', minHeight: '7.4rem' },
  '.cm-content': { caretColor: 'var(--pico-primary)', padding: '0.5rem 0.3rem' },
  '.cm-cursor': { borderLeftColor: 'var(--pico-primary)' },
  '.cm-placeholder': { color: 'var(--pico-muted-color)' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: '#3a8fb055 !important' },
  '.cm-tooltip': { backgroundColor: 'var(--pico-background-color)', color: 'var(--pico-color)', border: '1px solid var(--pico-muted-border-color)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: '#0b6580', color: '#fff' },
  '.cm-completionDetail': { color: 'inherit', opacity: '0.8' },
  '.cm-lintRange-error': { backgroundImage: 'none', textDecoration: 'underline wavy var(--bad)', textUnderlineOffset: '3px' },
});
const colours = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--pico-primary)', fontWeight: '600' },
  { tag: tags.string, color: 'var(--good)' },
  { tag: tags.number, color: 'var(--good)' },
  { tag: tags.comment, color: 'var(--pico-muted-color)', fontStyle: 'italic' },
]);

const quoted = (name) => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);
const text = (value) => `'${value.replaceAll("'", "''")}'`;

// completions offers the values of a column within quotes behind it, else names and words.
function completions(names) {
  return (context) => {
    const n = names();
    const inText = context.matchBefore(/'[^']*/);
    const before = context.state.sliceDoc(0, context.pos);
    if (inText && (before.match(/'/g) ?? []).length % 2 === 1) {
      const column = /(?:"([^"]+)"|([\p{L}_][\p{L}\p{N}_]*))\s*(?:=|<>|!=|in\s*\(|(?:<|>)=?|between)[^=<>()]*$/iu.exec(before.slice(0, inText.from - before.length));
      const name = (column?.[1] ?? column?.[2] ?? '').toLowerCase();
      const known = n.columns.find((c) => c.name.toLowerCase() === name);
      if (known) return { from: inText.from, options: known.values.map((v) => ({ label: text(v), type: 'text' })), validFor: /^'[^']*$/ };
      if (name === 'period' && n.first) return { from: inText.from, options: [...new Set([n.last.slice(0, 4), n.first.slice(0, 4), n.last, n.first])].map((v) => ({ label: text(v), type: 'text' })) };
      if (/date_trunc\s*\($/i.test(before.slice(0, inText.from))) return { from: inText.from, options: n.grains.map((g) => ({ label: text(g), type: 'text' })) };
      return null;
    }
    const word = context.matchBefore(/[\p{L}_][\p{L}\p{N}_]*/u);
    if (!word && !context.explicit) return null;
    return {
      from: word ? word.from : context.pos,
      options: [
        ...n.measures.map((m) => ({ label: quoted(m.name), detail: m.unit, type: 'variable', boost: 2 })),
        ...n.columns.map((c) => ({ label: quoted(c.name), detail: `${c.values.length}${c.more ? '+' : ''}`, type: 'property', boost: 2 })),
        ...(n.first ? [{ label: 'period', detail: `${n.first} – ${n.last}`, type: 'property', boost: 2 }] : []),
        ...n.functions.map((f) => ({ label: f, type: 'function', apply: f + '(', boost: 1 })),
        ...n.grains.map((g) => ({ label: `date_trunc('${g}', period)`, type: 'function' })),
        ...n.datasets.map((d) => ({ label: quoted(d), type: 'class' })),
        ...words.split(' ').map((w) => ({ label: w.toUpperCase(), type: 'keyword' })),
      ],
      validFor: /^[\p{L}_][\p{L}\p{N}_]*$/u,
    };
  };
}

// given marks a text that the page puts into the editor: the page knows it.
const given = Annotation.define();

// mount puts an editor into an element. It returns {set, fault, destroy}.
export function mount(host, { value, label, placeholder, names, onChange, onAsk }) {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open', delegatesFocus: true });
  root.replaceChildren();
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: value,
      extensions: [
        keymap.of([{ key: 'Mod-Enter', run: () => (onAsk(), true) }, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        history(), closeBrackets(), bracketMatching(),
        sql({ dialect, upperCaseKeywords: true }).language,
        syntaxHighlighting(colours), look,
        autocompletion({ override: [completions(names)], icons: false }),
        EditorView.lineWrapping,
        placeholderOf(placeholder),
        EditorView.contentAttributes.of({ 'aria-label': label, 'aria-multiline': 'true', spellcheck: 'false', translate: 'no' }),
        EditorView.updateListener.of((u) => u.docChanged && !u.transactions.some((tr) => tr.annotation(given)) && onChange(u.state.doc.toString())),
      ],
    }),
  });
  return {
    set(next) {
      if (next !== view.state.doc.toString()) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: next }, annotations: given.of(true) });
    },
    // fault underlines what is wrong: {line, column, near, message}, or nothing.
    fault(f) {
      const marks = [];
      if (f && f.line >= 1 && f.line <= view.state.doc.lines) {
        const line = view.state.doc.line(f.line);
        const from = Math.min(line.from + [...line.text].slice(0, f.column - 1).join('').length, line.to);
        marks.push({ from, to: Math.min(Math.max(from + (f.near?.length || 1), from), view.state.doc.length), severity: 'error', message: f.message });
      }
      view.dispatch(setDiagnostics(view.state, marks));
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  };
}
