// Verifying a receipt, offline: against the profile that this desk was started with.
import { useRef, useState } from 'preact/hooks';
import { post } from '../api.js';
import { html } from '../html.js';
import { Id, Page, Problem } from '../parts.js';
import { t } from '../words.js';

export function Receipt({ session }) {
  const [over, setOver] = useState(false);
  const [name, setName] = useState('');
  const [verified, setVerified] = useState(null);
  const [failed, setFailed] = useState(null);
  const result = useRef();

  async function verify(file) {
    if (!file) return;
    setName(file.name);
    setVerified(null);
    setFailed(null);
    try {
      const bytes = new Uint8Array(await file.arrayBuffer());
      let text = '';
      for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
      setVerified(await post('/api/receipts/verify', { receipt: btoa(text) }));
    } catch (e) {
      setFailed(e);
    }
    result.current?.focus();
  }
  return html`<${Page} title=${t('receipt')}>
    <p class="muted">${t('receipt.about')} ${t('footer.cluster')} <${Id} of=${session.cluster} />.</p>
    <div class=${`drop ${over ? 'over' : ''}`}
      onDragOver=${(e) => { e.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}
      onDrop=${(e) => { e.preventDefault(); setOver(false); verify(e.dataTransfer.files[0]); }}>
      <label>${t('receipt.drop')}<input type="file" name="receipt" onChange=${(e) => verify(e.target.files[0])} /></label>
    </div>
    <div ref=${result} tabindex="-1" aria-live="polite">
      <${Problem} of=${failed} />
      ${verified && html`
        <div class="note good"><p><strong>${t('receipt.holds', { name })}</strong></p></div>
        <ol class="proof" lang="en">${verified.words.map((w) => html`<li>${w}</li>`)}</ol>
        <details><summary>${t('receipt.details')}</summary><pre class="sql" translate="no" tabindex="0">${JSON.stringify(verified.proven, null, 2)}</pre></details>`}
    </div>
  <//>`;
}
