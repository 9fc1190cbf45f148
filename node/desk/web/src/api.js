// What the page says to the desk, and how it is told of errors.
import { language } from './words.js';

// Failure is a problem that the desk answered with (RFC 9457).
export class Failure extends Error {
  constructor(problem, status) {
    super(problem.message ?? problem.detail ?? `${status}`);
    this.problem = problem;
    this.status = status;
  }
}

// asked is what early.js has asked already, once.
function asked(path) {
  const answer = window.early?.[path];
  if (answer) delete window.early[path];
  return answer;
}

async function send(method, path, body, signal) {
  const init = { method, signal, headers: { 'X-Weir-Desk': localStorage.getItem('weir-desk') ?? '', 'Accept-Language': language }, credentials: 'same-origin' };
  if (method === 'POST') init.headers['Content-Type'] = 'application/json';
  if (body !== undefined) init.body = JSON.stringify(body);
  let answer;
  try {
    answer = await (asked(path) ?? fetch(path, init));
  } catch (e) {
    if (e.name === 'AbortError') throw e;
    throw new Failure({ kind: 'desk', message: '' }, 0);
  }
  if (!answer.ok) {
    let problem = {};
    try {
      problem = await answer.json();
    } catch {
      problem = { message: `${answer.status} ${answer.statusText}` };
    }
    throw new Failure(problem, answer.status);
  }
  return answer;
}

export const get = async (path, signal) => (await send('GET', path, undefined, signal)).json();
export const post = async (path, body, signal) => (await send('POST', path, body, signal)).json();

// query makes the parameters of a path, of those that are given.
export function query(parameters) {
  const given = Object.entries(parameters).filter(([, v]) => v !== undefined && v !== '' && v !== 0 && v !== false);
  return given.length ? '?' + new URLSearchParams(given).toString() : '';
}

// save has the browser save a file that the desk makes.
export async function save(path) {
  const answer = await send('GET', path);
  const name = /filename\*=UTF-8''([^;]+)/.exec(answer.headers.get('Content-Disposition') ?? '');
  saveBlob(await answer.blob(), name ? decodeURIComponent(name[1]) : 'weir');
}

export function saveBlob(blob, name) {
  const a = document.createElement('a');
  a.href = URL.createObjectURL(blob);
  a.download = name;
  document.body.append(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(a.href), 60_000);
}
