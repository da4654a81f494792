// What this visitor looked at and did, in this tab alone: [{id, title, event}], oldest first.
const KEY = 'itemsage-session';
const KEPT = 50;

export function events() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

function keep(list) {
  sessionStorage.setItem(KEY, JSON.stringify(list.slice(-KEPT)));
  show();
}

export function show() {
  const n = events().length;
  document.getElementById('did').textContent = n > 0 ? n : '';
}

// The same click twice in a row is one.
export function add(product, event) {
  const list = events();
  const last = list.at(-1);
  if (last && last.id === product.id && last.event === event) return;
  keep([...list, { id: product.id, title: product.title, event }]);
}

export const remove = at => keep(events().filter((_, i) => i !== at));
export const clear = () => keep([]);
export const asked = () => events().map(({ id, event }) => ({ product_id: id, event }));
