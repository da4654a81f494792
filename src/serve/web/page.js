// Elements, and what is said to whoever does not see the page. Texts of feeds become text nodes, never markup.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

const SVG = 'http://www.w3.org/2000/svg';
export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function say(text) {
  document.getElementById('live').textContent = text;
}

let fields = 0;
// A label above its input; `input` is an element.
export function field(label, input, wide = false) {
  input.id ||= `field-${++fields}`;
  return element('div', { class: wide ? 'field wide' : 'field' }, element('label', { for: input.id }, label), input);
}

export function tick(label, input) {
  return element('label', { class: 'tick' }, input, label);
}

export function select(values, chosen, attributes = {}) {
  return element('select', attributes, ...values.map(([value, name]) => element('option', { value, selected: value === chosen }, name)));
}

export function fault(error) {
  say(error.message);
  return element('p', { class: 'fault' }, error.message);
}

export const count = (n, one, many) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;
