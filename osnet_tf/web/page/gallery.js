// The gallery behind the page: who in it looks like a crop. The server answers, with plain distances.

import {element, number} from './elements.js';

const $ = (id) => document.getElementById(id);

/** The gallery, if the server has one: its controls are shown, and `changed` is called by them. */
export async function openGallery(changed) {
  const answer = await fetch('/gallery/about');
  if (!answer.ok) return null;
  const gallery = new Gallery(await answer.json());
  $('gallery').hidden = false;
  $('footer').textContent =
    'Computed in this browser with LiteRT.js. The server gets embeddings, and the crops that you add.';
  $('cameras').onchange = changed;
  $('camid').onchange = changed;
  $('search').onsubmit = (event) => event.preventDefault();
  return gallery;
}

class Gallery {
  constructor(about) {
    this.matches = [];
    this.crop = null; // who is looked for
    this.tell(about);
  }

  tell({count, metric, threshold}) {
    Object.assign(this, {count, metric, threshold});
    $('count').textContent = `Gallery: ${count} ${count === 1 ? 'crop' : 'crops'}`;
  }

  /** Looks for the person of a crop among the cameras that are chosen. */
  async search(crop) {
    const cameras = $('cameras').value;
    $('camid').parentElement.hidden = cameras === 'any';
    const asked = {embedding: [...crop.embedding], cameras};
    if (cameras !== 'any') asked.camid = $('camid').valueAsNumber;
    const {matches} = await ask('/gallery/search', asked);
    Object.assign(this, {crop, matches});
  }

  /** Keeps a crop. */
  async add(crop) {
    const bytes = new Uint8Array(await crop.file.arrayBuffer());
    const camid = Number.isNaN($('added').valueAsNumber) ? -1 : $('added').valueAsNumber;
    const picture = base64(bytes);
    this.tell(await ask('/gallery/add', {embedding: [...crop.embedding], picture, camid}));
  }

  forget() {
    Object.assign(this, {crop: null, matches: []});
  }

  /** Shows the matches, with a verdict at a threshold of model.json if it is of their metric. */
  show(calibration) {
    const fits = calibration?.metric === this.metric;
    const threshold = fits ? calibration.threshold : this.threshold;
    $('looked').textContent = this.crop
      ? `${this.crop.name}: ${verdict(this.matches, threshold)}`
      : 'Drop a crop, and the people who look like it stand here.';
    $('matches').replaceChildren(...this.matches.map((match) => row(match, threshold)));
  }
}

/** Float32, as thresholds are measured. */
const isSame = (match, threshold) => Math.fround(match.distance) <= Math.fround(threshold);

function verdict(matches, threshold) {
  if (!matches.length) return 'no crop to compare with';
  if (threshold === null) return `the nearest ${matches.length}, without a threshold to judge them`;
  const same = matches.filter((match) => isSame(match, threshold)).length;
  return `${same || 'none'} of the nearest ${matches.length} at ${number(threshold)} or nearer`;
}

function row(match, threshold) {
  const {picture, pid, camid, distance} = match;
  const same = threshold === null ? null : isSame(match, threshold);
  const who = pid > 0 ? `person ${pid}` : 'unnamed';
  const where = camid < 0 ? 'camera unknown' : `camera ${camid}`;
  const made = element(
    'li',
    {className: same === null ? '' : same ? 'same' : 'different'},
    ...(picture ? [element('img', {src: `/gallery/pictures/${picture}`, alt: match.key})] : []),
    element('b', {textContent: number(distance), title: distance}),
    element('span', {textContent: where}),
    element('span', {textContent: who}),
  );
  if (same !== null) {
    made.append(element('em', {textContent: same ? 'Same person' : 'Different people'}));
  }
  return made;
}

async function ask(path, question) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: {'Content-Type': 'application/json'},
    body: JSON.stringify(question),
  });
  if (!answer.headers.get('Content-Type')?.startsWith('application/json')) {
    throw new Error(`The server does not answer: ${answer.status} ${answer.statusText}`);
  }
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
}

function base64(bytes) {
  let text = '';
  const part = 0x8000; // so many arguments a function takes
  for (let at = 0; at < bytes.length; at += part) {
    text += String.fromCharCode(...bytes.subarray(at, at + part));
  }
  return btoa(text);
}
