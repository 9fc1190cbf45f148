// Files that are dropped or chosen.
import { useState } from 'preact/hooks';
import { html } from './html.js';

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
