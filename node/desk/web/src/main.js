// The desk's page: its frame, and which of its pages is shown. Which that is stands behind # in the address, which no
// server gets.
import { render } from 'preact';
import { useEffect, useLayoutEffect, useState } from 'preact/hooks';
import { get } from './api.js';
import { html } from './html.js';
import { Notices } from './notices.js';
import { Id, link, Loaded, Page, useLoad } from './parts.js';
import { language, setLanguage, t } from './words.js';
import { Backups } from './pages/backups.js';
import { Catalogue } from './pages/catalogue.js';
import { Contracts, Statement } from './pages/contracts.js';
import { Feeds } from './pages/feeds.js';
import { Financed } from './pages/financed.js';
import { History, Kept } from './pages/history.js';
import { Keys } from './pages/keys.js';
import { Inbox, ReceivedOrder } from './pages/inbox.js';
import { Listing } from './pages/listing.js';
import { Logs } from './pages/logs.js';
import { Nodes } from './pages/nodes.js';
import { Order } from './pages/order.js';
import { Organisations } from './pages/organisations.js';
import { Own, OwnDataset } from './pages/own.js';
import { Portfolios } from './pages/portfolios.js';
import { Publish } from './pages/publish.js';
import { Query } from './pages/query.js';
import { Receipt } from './pages/receipt.js';
import { Roster } from './pages/roster.js';
import { Tools } from './pages/tools.js';

// pages are shown by the first part of the address; those with a label stand in the navigation.
const pages = {
  catalogue: { show: Catalogue, label: 'nav.catalogue' },
  query: { show: Query, label: 'nav.query', key: true },
  history: { show: History, label: 'nav.history', key: true },
  contracts: { show: Contracts, label: 'nav.contracts', key: true },
  portfolios: { show: Portfolios, label: 'nav.portfolios', key: true },
  inbox: { show: Inbox, label: 'nav.inbox', key: true },
  publish: { show: Publish, label: 'nav.publish', key: true },
  own: { show: OwnPage, label: 'nav.own', key: true },
  feeds: { show: Feeds, label: 'nav.feeds', key: true },
  receipt: { show: Receipt, label: 'nav.receipt' },
  nodes: { show: Nodes, label: 'nav.nodes' },
  tools: { show: Tools, within: 'query' },
  financed: { show: Financed, within: 'portfolios' },
  dataset: { show: Listing, within: 'catalogue' },
  order: { show: Order, within: 'contracts' },
  contract: { show: Statement, within: 'contracts' },
  answer: { show: Kept, within: 'history' },
  keys: { show: Keys, within: 'nodes' },
  roster: { show: Roster, within: 'nodes' },
  organisations: { show: Organisations, within: 'nodes' },
  backups: { show: Backups, within: 'nodes' },
  logs: { show: Logs, within: 'nodes' },
  received: { show: ReceivedOrder, within: 'inbox' },
};

// OwnPage is one's own datasets, or one of them.
function OwnPage(p) {
  return html`<${p.of ? OwnDataset : Own} ...${p} />`;
}

// place is what the address says: a page, what it is of, and parameters.
function place() {
  const [path, parameters] = location.hash.replace(/^#\/?/, '').split('?');
  const [name, of] = path.split('/');
  return { name: name || 'catalogue', of: of && decodeURIComponent(of), parameters: Object.fromEntries(new URLSearchParams(parameters)) };
}

function usePlace() {
  const [at, set] = useState(place());
  useLayoutEffect(() => { // at once: a link that is followed before the first frame counts, too
    const changed = () => {
      set(place());
      window.scrollTo(0, 0);
    };
    window.addEventListener('hashchange', changed);
    return () => window.removeEventListener('hashchange', changed);
  }, []);
  return at;
}

function useTheme() {
  const [theme, set] = useState(localStorage.getItem('weir-theme') ?? 'auto');
  useEffect(() => {
    localStorage.setItem('weir-theme', theme);
    if (theme === 'auto') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    window.dispatchEvent(new Event('themechange'));
  }, [theme]);
  return [theme, set];
}

function App() {
  const at = usePlace();
  const [spoken, speak] = useState(language);
  const [theme, setTheme] = useTheme();
  const session = useLoad((signal) => get('/api/session', signal), []);
  const page = pages[at.name];
  const chosen = page?.within ?? at.name;
  const hasKey = Boolean(session.data?.principal);
  const shown = Object.entries(pages).filter(([, p]) => p.label && (!p.key || hasKey));
  return html`
    <a class="skip" href="#main" onClick=${skip}>${t('skip')}</a>
    <header>
      <div class="bar">
        <a class="brand" href="#/catalogue"><img src="/icon.svg" alt="" />Weir</a>
        <nav aria-label=${t('nav')}><ul>
          ${shown.map(([name, p]) => html`<li key=${name}><a href=${link(name)} aria-current=${name === chosen ? 'page' : undefined}>${t(p.label)}</a></li>`)}
        </ul></nav>
        <div class="switches">
          <select aria-label=${t('language')} value=${spoken} onChange=${(e) => { setLanguage(e.target.value); speak(e.target.value); }}>
            <option value="en">English</option><option value="zh">中文</option>
          </select>
          <select aria-label=${t('theme')} value=${theme} onChange=${(e) => setTheme(e.target.value)}>
            ${['auto', 'light', 'dark'].map((v) => html`<option value=${v}>${t('theme.' + v)}</option>`)}
          </select>
        </div>
      </div>
    </header>
    <main id="main">
      ${session.data && html`<${Notices} />`}
      <${Loaded} of=${session}>${(s) => page
        ? html`<${page.show} key=${at.name + '/' + (at.of ?? '')} of=${at.of} parameters=${at.parameters} session=${s} />`
        : html`<${Page} title=${t('nothing')}><p><a href="#/catalogue">${t('nav.catalogue')}</a></p><//>`}<//>
    </main>
    <footer>
      ${session.data && html`<span>
        ${session.data.principal ? html`${session.data.name} (<${Id} of=${session.data.principal} />)` : t('footer.nobody')}
        ${' · '}${t('footer.cluster')} <${Id} of=${session.data.cluster} />
        ${session.data.read_only && html`${' · '}${t('footer.readonly')}`}
        ${' · '}weir ${session.data.version}
      </span>`}
    </footer>`;
}

// skip goes to what the page is about, past the navigation.
function skip(e) {
  e.preventDefault();
  const heading = document.querySelector('main h1') ?? document.querySelector('main');
  heading.focus();
}

render(html`<${App} />`, document.body);
