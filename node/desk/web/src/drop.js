// Files that are dropped or chosen, and what the desk makes of them.
import { useEffect, useRef, useState } from 'preact/hooks';
import { post } from './api.js';
import { html } from './html.js';
import { language } from './words.js';

// Drop takes a file that is dropped on it or chosen.
export function Drop({ name, label, accept, onFile, disabled }) {
  const [over, setOver] = useState(false);
  return html`<div class=${`drop ${over ? 'over' : ''}`}
    onDragOver=${(e) => { e.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}
    onDrop=${(e) => { e.preventDefault(); setOver(false); if (!disabled) onFile(e.dataTransfer.files[0]); }}>
    <label>${label}<input type="file" name=${name} accept=${accept} disabled=${disabled} onChange=${(e) => onFile(e.target.files[0])} /></label>
  </div>`;
}

// encoded is a file's content in base64.
export async function encoded(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let text = '';
  for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(text);
}

// usePreview asks the desk what a file comes to, a moment after something of it was last changed.
export function usePreview(path, body) {
  const [shown, set] = useState({});
  const text = body && JSON.stringify({ ...body, bytes: undefined });
  const bytes = body?.bytes;
  const latest = useRef(body);
  latest.current = body;
  useEffect(() => {
    if (!text) return void set({});
    const ended = new AbortController();
    set((s) => ({ ...s, loading: true }));
    const later = setTimeout(async () => {
      try {
        set({ data: await post(path, latest.current, ended.signal), text, bytes });
      } catch (e) {
        if (!ended.signal.aborted) set((s) => ({ problem: e, data: s.data && { ...s.data, ready: false } }));
      }
    }, 300);
    return () => { clearTimeout(later); ended.abort(); };
  }, [text, bytes, language]);
  return { ...shown, fresh: shown.text === text && shown.bytes === bytes && !shown.loading }; // what is registered was looked at as it is
}
