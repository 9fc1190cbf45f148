// How tools on this machine connect to the desk's port for Postgres' protocol, or how it is turned on. The password is not
// here: it stands in a file that only this person can read.
import { get } from '../api.js';
import { html } from '../html.js';
import { Loaded, Page, useLoad } from '../parts.js';
import { t } from '../words.js';

export function Tools({ session }) {
  const tools = useLoad((signal) => get('/api/tools', signal), []);
  return html`<${Page} title=${t('tools')}>
    <p class="muted">${t('tools.about')}</p>
    <${Loaded} of=${tools}>${(of) => (of.postgres ? html`<${On} of=${of.postgres} session=${session} />` : html`<${Off} of=${of} />`)}<//>
  <//>`;
}

const Code = ({ children }) => html`<pre class="sql" translate="no" tabindex="0">${children}</pre>`;

function Off({ of }) {
  return html`<div class="note"><p><strong>${t('tools.off')}</strong></p><p>${t(of.key ? 'tools.turnon' : 'tools.nokey')}</p>
    <${Code}>${`${of.key ? '' : '--key KEY '}--postgres ${of.listen}`}<//>
    <p>${t('tools.password')}</p></div>`;
}

function On({ of: a, session }) {
  const host = a.host.includes(':') ? `[${a.host}]` : a.host;
  const rows = [
    ['psql', '', `PGPASSFILE=${word(a.password_file)} psql -h ${a.host} -p ${a.port} -U ${a.user} ${a.database}`],
    ['DBeaver', t('tools.dbeaver'), `jdbc:postgresql://${host}:${a.port}/${a.database}?user=${a.user}&sslmode=disable`],
    ['Grafana', t('tools.grafana'), `Host URL: ${host}:${a.port}\nDatabase: ${a.database}\nUser: ${a.user}\nTLS/SSL Mode: disable`],
    ['Excel (ODBC)', t('tools.excel'), `Driver={PostgreSQL Unicode};Server=${a.host};Port=${a.port};Database=${a.database};Uid=${a.user};SSLmode=disable;`],
    ['SQLAlchemy', t('tools.sqlalchemy'), `from sqlalchemy import URL, create_engine\nengine = create_engine(\n    URL.create("postgresql+psycopg", "${a.user}", host="${a.host}", port=${a.port}, database="${a.database}"),\n    connect_args={"passfile": ${JSON.stringify(a.password_file)}},\n)`],
  ];
  return html`<dl>
      <dt>${t('tools.host')}</dt><dd>${a.host}</dd><dt>${t('tools.port')}</dt><dd>${a.port}</dd>
      <dt>${t('tools.database')}</dt><dd>${a.database}</dd><dt>${t('tools.user')}</dt><dd>${a.user}</dd>
      <dt>${t('tools.ssl')}</dt><dd>${t('tools.nossl')}</dd><dt>${t('tools.passwordfile')}</dt><dd><code>${a.password_file}</code></dd>
    </dl>
    <p>${t('tools.lastfield')}</p>
    ${rows.map(([name, how, text]) => html`<h2 key=${name}>${name}</h2>${how && html`<p>${how}</p>`}<${Code}>${text}<//>`)}
    <h2>${t('tools.cost')}</h2>
    <p>${t(session.read_only ? 'tools.readonly' : 'tools.spend')}</p>
    ${!session.read_only && html`<${Code}>SET weir.spend = on<//>`}`;
}

// word is a word of a command line.
const word = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
