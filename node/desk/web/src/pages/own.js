// One's own datasets: who has asked what of them, their budgets, and what is changed of them.
import { useState } from 'preact/hooks';
import { get, post, save } from '../api.js';
import { Bureau, PolicyForm } from '../bureau.js';
import { html } from '../html.js';
import { Field, Id, link, Loaded, Page, Problem, Scroll, state, Tag, useLoad, tongue } from '../parts.js';
import { day, figure, number, t, time, titled } from '../words.js';
import { Price } from './describe.js';

export function Own({ session }) {
  return html`<${Bureau} title=${t('own')} about=${t('own.about')} session=${session}><${All} /><//>`;
}

function All() {
  const own = useLoad((signal) => get('/api/own', signal), []);
  return html`<${Loaded} of=${own}>${({ datasets, ledgers }) => html`
    ${datasets.length === 0 ? html`<p class="empty">${t('own.empty')} <a href="#/publish">${t('nav.publish')}</a></p>` : html`
    <${Scroll} label=${t('own')}><table><thead><tr><th scope="col">${t('explain.dataset')}</th><th scope="col">${t('state')}</th><th scope="col" class="n">${t('listing.version')}</th><th scope="col" class="n">${t('own.waiting')}</th><th scope="col" class="n">${t('contracts')}</th><th scope="col" class="n">${t('contract.used')}</th><th scope="col" class="n">${t('own.income')}</th></tr></thead>
      <tbody>${datasets.map((d) => html`<tr key=${d.id}><th scope="row"><a href=${link('own/' + d.id)}>${titled(d.title) || d.id}</a><br /><span class="id">${d.id}</span></th>
        <td><${Tag} kind=${d.withdrawn ? 'bad' : ''}>${d.withdrawn ? t('listing.withdrawn') : t(d.public ? 'access.public' : 'access.protected')}<//></td><td class="n">${d.live || '–'}</td><td class="n">${number(d.waiting)}</td><td class="n">${number(d.contracts)}</td>
        <td class="n">${number(d.queries)}</td><td class="n">${figure(d.spent)} ${d.currency ?? ''}</td></tr>`)}</tbody></table><//>`}
    <h2>${t('ledger')}</h2>
    ${ledgers.length === 0 ? html`<p class="muted">${t('ledger.none')}</p>` : html`<p class="muted">${t('ledger.about')}</p>${ledgers.map((l) => html`<${Ledger} key=${l.registry} of=${l} />`)}`}`}<//>`;
}

const Ledger = ({ of: l }) => html`<p><strong>${l.registry}</strong> (${l.datasets.join(', ')}): ${t('ledger.spent', { spent: l.account.spent, limit: l.account.limit, left: l.account.left })}
  <progress max=${Number(l.account.limit) || 1} value=${Number(l.account.spent)} aria-label=${t('ledger') + ' ' + l.registry}></progress></p>`;

export function OwnDataset({ of, session }) {
  const own = useLoad((signal) => get('/api/own/' + encodeURIComponent(of), signal), [of]);
  return html`<${Page} title=${titled(own.data?.descriptor.title) || of}>
    <${Loaded} of=${own}>${(d) => html`
      <div class="row"><span class="id">${d.id}</span><a href=${link('dataset/' + d.id)}>${t('published.listing')}</a>${d.withdrawn && html`<${Tag} kind="bad">${t('listing.withdrawn')}<//><span>${d.withdrawn}</span>`}</div>
      ${d.read && !d.withdrawn && html`<p class="row"><a role="button" href=${link('publish', { dataset: d.id })}>${t('own.append')}</a><button type="button" class="plain" onClick=${() => save(`/api/own/${encodeURIComponent(d.id)}/template`)}>${t('own.template')}</button></p>`}
      <h2>${t('own.asked')}</h2>
      ${d.contracts.length === 0 ? html`<p class="empty">${t('own.nocontract')}</p>` : html`<${Scroll} label=${t('contracts')}><table>
        <thead><tr><th scope="col">${t('contract')}</th><th scope="col">${t('own.buyer')}</th><th scope="col">${t('state')}</th><th scope="col">${t('contract.until')}</th><th scope="col" class="n">${t('contract.used')}</th><th scope="col" class="n">${t('contract.spent')}</th><th scope="col" class="n">${t('contract.epsilon')}</th><th scope="col">${t('own.change')}</th></tr></thead>
        <tbody>${d.contracts.map((k) => html`<tr key=${k.id}><th scope="row"><a href=${link('contract/' + k.id)}><${Id} of=${k.id} /></a></th><td>${k.buyer === k.publisher ? t('own.self') : html`<${Id} of=${k.buyer} />`}<br /><small>${k.purpose}</small></td>
          <td><${Tag} kind=${k.state === 'active' ? 'good' : 'bad'}>${state(k.state)}<//>${k.reason && html`<br /><small>${k.reason}</small>`}</td><td class="nowrap">${day(k.until)}</td>
          <td class="n">${number(k.used)} / ${k.queries ? number(k.queries) : '∞'}</td><td class="n">${figure(k.spent || '0')} / ${k.budget ? figure(k.budget) : '∞'} ${k.price?.currency ?? ''}</td>
          <td class="n">${k.epsilon_account ? `${k.epsilon_account.spent} / ${k.epsilon_account.limit}` : '–'}</td>
          <td>${k.buyer !== k.publisher && k.state !== 'revoked' && html`<${Change} of=${k} session=${session} reload=${own.reload} />`}</td></tr>`)}</tbody></table><//>`}
      ${d.ledger && html`<h3>${t('ledger')}</h3><${Ledger} of=${d.ledger} />`}
      <h2>${t('listing.versions')}</h2>
      ${d.amended > 0 && html`<p>${t('own.amended', { n: number(d.amended) })}</p>`}
      <${Scroll} label=${t('listing.versions')}><table><thead><tr><th scope="col" class="n">${t('listing.version')}</th><th scope="col">${t('state')}</th><th scope="col">${t('listing.extent')}</th><th scope="col" class="n">${t('listing.entities')}</th><th scope="col">${t('own.nodes')}</th><th scope="col">${t('listing.since')}</th></tr></thead>
        <tbody>${d.versions.map((v) => html`<tr key=${v.version}><th scope="row" class="n">${v.version}</th><td>${v.withdrawn ? `${t('listing.withdrawn')}: ${v.withdrawn}` : state(v.state)}${v.reason && html` <small lang=${tongue(v.reason)}>${v.reason}</small>`}</td><td class="nowrap">${v.first} – ${v.last}</td><td class="n">${number(v.entities)}</td><td>${v.nodes.join(', ')}</td><td class="nowrap">${time(v.since)}</td></tr>`)}</tbody></table><//>
      ${!d.withdrawn && html`<h2>${t('amend')}</h2><p class="muted">${t('amend.about')}</p>
      <details><summary>${t('amend.open')}</summary><${Amend} key=${d.amended} of=${d} session=${session} reload=${own.reload} /></details>
      <h2>${t('withdraw')}</h2><p class="muted">${t('withdraw.about')}</p>
      <details><summary>${t('withdraw.open')}</summary><${Withdraw} of=${d} session=${session} reload=${own.reload} /></details>`}`}<//>
  <//>`;
}

function useAct(reload) {
  const [failed, setFailed] = useState(null);
  const act = async (path, body) => {
    setFailed(null);
    try {
      const done = await post(path, body);
      reload?.();
      return done;
    } catch (e) {
      setFailed(e);
      return null;
    }
  };
  return [act, failed];
}

function Change({ of: k, session, reload }) {
  const [reason, setReason] = useState('');
  const [act, failed] = useAct(reload);
  const acts = k.state === 'active' ? ['suspend', 'revoke'] : ['resume', 'revoke'];
  return html`<details class="slim"><summary>${t('own.change')}</summary>
    <${Field} label=${t('reason')}><input value=${reason} onInput=${(e) => setReason(e.target.value)} /><//>
    <div class="row">${acts.map((a) => html`<button type="button" class="plain small" disabled=${session.read_only} onClick=${() => act(`/api/contracts/${encodeURIComponent(k.id)}/change`, { act: a, reason })}>${t('act.' + a)}</button>`)}</div>
    <${Problem} of=${failed} /></details>`;
}

function Amend({ of: d, session, reload }) {
  const [f, set] = useState({ title: d.descriptor.title, description: d.descriptor.description ?? {}, license: d.descriptor.license, price: d.descriptor.price ?? { per_query: '', currency: 'CNY' }, policy: d.descriptor.policy });
  const [shown, setShown] = useState(null);
  const [act, failed] = useAct();
  const change = (c) => { set({ ...f, ...c }); setShown(null); };
  const path = '/api/own/' + encodeURIComponent(d.id);
  const body = { amended: d.amended, title: f.title, description: f.description, license: f.license, policy: f.policy, ...(f.price.per_query && { price: f.price }) };
  const text = (part, language, label) => html`<${Field} label=${label}><input value=${f[part][language] ?? ''} onInput=${(e) => change({ [part]: { ...f[part], [language]: e.target.value } })} /><//>`;
  return html`<form onSubmit=${async (e) => { e.preventDefault(); setShown(await act(path + '/compare', body)); }}>
    <div class="fields">${text('title', 'en', t('columns.titleen'))}${text('title', 'zh', t('columns.titlezh'))}${text('description', 'en', t('amend.descriptionen'))}${text('description', 'zh', t('amend.descriptionzh'))}
      <${Field} label=${t('listing.license')}><input value=${f.license} onInput=${(e) => change({ license: e.target.value })} /><//></div>
    <${Price} of=${f.price} set=${(price) => change({ price })} />
    <${PolicyForm} fields=${d.fields} policy=${f.policy} set=${(policy) => change({ policy })} />
    <div class="row"><button type="submit" class="plain">${t('amend.compare')}</button></div>
    ${shown && (shown.changes.length === 0 ? html`<p role="status">${t('amend.nothing')}</p>` : html`<${Scroll} label=${t('amend')}><table id="changes"><thead><tr><th scope="col">${t('amend.field')}</th><th scope="col">${t('amend.old')}</th><th scope="col">${t('amend.new')}</th><th scope="col">${t('amend.may')}</th></tr></thead>
      <tbody>${shown.changes.map((x) => html`<tr><th scope="row">${x.field}</th><td><del>${x.old || '–'}</del></td><td><ins>${x.new || '–'}</ins></td><td>${x.reason ? html`<span lang=${tongue(x.reason)}>${x.reason}</span>` : t('yes')}</td></tr>`)}</tbody></table><//>
      <div class="row"><button type="button" disabled=${!shown.may || session.read_only} onClick=${async () => { if (await act(path + '/amend', body)) reload(); }}>${t('amend.sign')}</button></div>`)}
    <${Problem} of=${failed} /></form>`;
}

function Withdraw({ of: d, session, reload }) {
  const [version, setVersion] = useState('');
  const [reason, setReason] = useState('');
  const [act, failed] = useAct(reload);
  return html`<form onSubmit=${(e) => { e.preventDefault(); act(`/api/own/${encodeURIComponent(d.id)}/withdraw`, { reason, ...(version && { version: Number(version) }) }); }}>
    <div class="fields"><${Field} label=${t('withdraw.what')}><select value=${version} onChange=${(e) => setVersion(e.target.value)}><option value="">${t('withdraw.all')}</option>${d.versions.filter((v) => !v.withdrawn).map((v) => html`<option value=${v.version}>${t('publish.version', { n: v.version })}</option>`)}</select><//>
      <${Field} label=${t('reason')} help=${t('reason.help')}><input required value=${reason} onInput=${(e) => setReason(e.target.value)} /><//></div>
    <div class="row"><button type="submit" class="plain" disabled=${session.read_only}>${t('withdraw.sign')}</button></div>
    <${Problem} of=${failed} /></form>`;
}
