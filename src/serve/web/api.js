// What the page asks the server, and nothing else does: every path and field name of the API stands here.

export class Problem extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || `The server answered ${status}.`);
    this.status = status;
    this.field = problem.field || '';
  }
}

const TOKEN = 'itemsage-token';

function tokenDialog() {
  const dialog = document.getElementById('token');
  const text = document.getElementById('token-text');
  return new Promise(resolve => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'use' ? text.value.trim() : ''), { once: true });
    dialog.returnValue = '';
    dialog.showModal();
  });
}

let asking = null; // one dialog for all requests that were refused

function askForToken() {
  asking ??= tokenDialog().then(token => {
    asking = null;
    if (token) sessionStorage.setItem(TOKEN, token);
    return token;
  });
  return asking;
}

const withToken = headers => {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { ...headers, Authorization: `Bearer ${token}` } : headers;
};

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, headers: withToken(options.headers) });
    if (answer.status === 401 && (await askForToken())) answer = await fetch(path, { ...options, headers: withToken(options.headers) });
  } catch (fault) {
    if (fault.name === 'AbortError') throw fault;
    throw new Problem(0, { detail: 'The server cannot be reached; is it still running?' });
  }
  if (answer.ok) return answer;
  throw new Problem(answer.status, await answer.json().catch(() => ({})));
}

const json = async (path, options) => (await ask(path, options)).json();

function post(path, body, signal) {
  return json(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body), signal });
}

// What is empty is not said.
function said(parameters) {
  return Object.fromEntries(Object.entries(parameters).filter(([, v]) => v !== '' && v !== undefined && v !== false && v !== null && v !== 0));
}

// Each gives {release, results: [{id, title, ..., score, parts}]}.
export const search = (parameters, signal) => post('/v1/search', said(parameters), signal);
export const similar = (parameters, signal) => post('/v1/similar', said(parameters), signal);
export const forUser = (parameters, signal) => post('/v1/user', said(parameters), signal);
export function byPicture(file, parameters, signal) {
  const query = new URLSearchParams(said(parameters));
  return json(`/v1/image?${query}`, { method: 'POST', headers: { 'Content-Type': file.type }, body: file, signal });
}
export const past = (id, signal) => json(`/v1/users/${encodeURIComponent(id)}`, { signal });
export const product = (id, signal) => json(`/v1/products/${encodeURIComponent(id)}`, { signal });
export const columns = signal => json('/v1/columns', { signal });
export const status = signal => json('/v1/status', { signal });
export const map = signal => json('/v1/map', { signal });
export const training = signal => json('/v1/training', { signal });

// A picture needs the token too, which an <img> cannot bring: then its bytes are fetched.
export async function picture(image, id) {
  const path = `/pictures/${encodeURIComponent(id)}`;
  if (!sessionStorage.getItem(TOKEN)) {
    image.src = path;
    return;
  }
  try {
    const address = URL.createObjectURL(await (await ask(path)).blob());
    image.addEventListener('load', () => URL.revokeObjectURL(address), { once: true });
    image.src = address;
  } catch {
    image.dispatchEvent(new Event('error'));
  }
}
