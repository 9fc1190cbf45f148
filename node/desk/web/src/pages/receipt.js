// Verifying a receipt, offline: against the profile that this desk was started with.
import { useRef, useState } from 'preact/hooks';
import { post } from '../api.js';
import { Drop, encoded } from '../drop.js';
import { html } from '../html.js';
import { tongue, Id, link, Page, Problem } from '../parts.js';
import { t } from '../words.js';

export function Receipt({ session }) {
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
      setVerified(await post('/api/receipts/verify', { receipt: await encoded(file) }));
    } catch (e) {
      setFailed(e);
    }
    result.current?.focus();
  }
  return html`<${Page} title=${t('receipt')}>
    <p class="muted">${t('receipt.about')} ${t('footer.cluster')} <${Id} of=${session.cluster} />.</p>
    <${Drop} name="receipt" label=${t('receipt.drop')} onFile=${verify} />
    <div ref=${result} tabindex="-1" aria-live="polite">
      <${Problem} of=${failed} />
      ${verified && html`
        <div class="note good"><p><strong>${t('receipt.holds', { name })}</strong></p></div>
        <ol class="proof" lang=${tongue(verified.words[0])}>${verified.words.map((w) => html`<li>${w}</li>`)}</ol>
        <details><summary>${t('receipt.details')}</summary><pre class="sql" translate="no" tabindex="0">${JSON.stringify(verified.proven, null, 2)}</pre></details>`}
    </div>
    <p><a href=${link('logs')}>${t('receipt.logs')}</a></p>
  <//>`;
}
