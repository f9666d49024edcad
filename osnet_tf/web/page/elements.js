// What the parts of the page are made with.

/** A new element with properties and children. */
export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export const number = (value) => value.toFixed(Math.abs(value) < 10 ? 3 : 1);
