// Builds dist of src. Everything that the page loads is in dist; scripts and styles are bundled and minified, the editor
// and the charts are chunks of their own. The same input gives the same bytes.
import { build } from 'esbuild';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';

const out = process.argv[2] ?? 'dist';
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const { metafile } = await build({
  entryPoints: ['src/main.js', 'src/open.js', 'src/style.css'],
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  splitting: true,
  target: 'es2022',
  charset: 'utf8',
  chunkNames: '[name]-[hash]',
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
});
// What is painted first is in index.html itself.
const within = async (name) => (await build({ entryPoints: [`src/${name}`], bundle: true, minify: true, format: 'esm', target: 'es2022', charset: 'utf8', external: ['/main.js'], write: false })).outputFiles[0].text.trim();
const [style, script] = await Promise.all(['shell.css', 'early.js'].map(within));
const index = await readFile('src/index.html', 'utf8');
await writeFile(`${out}/index.html`, index.replace('shell.css', () => style).replace('early.js', () => script));
await cp('src/icon.svg', `${out}/icon.svg`);

// The licenses of what is bundled go along with it.
const bundled = new Set(Object.keys(metafile.inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean));
let licenses = 'The page has these packages in it, under their licenses.\n';
for (const name of [...bundled].sort()) {
  const dir = `node_modules/${name}`;
  const { version, license } = JSON.parse(await readFile(`${dir}/package.json`, 'utf8'));
  const file = (await readdir(dir)).find((f) => /^licen[cs]e/i.test(f));
  licenses += `\n${'='.repeat(72)}\n${name} ${version} (${license})\n\n${file ? await readFile(`${dir}/${file}`, 'utf8') : ''}`;
}
await writeFile(`${out}/LICENSES.txt`, licenses);
