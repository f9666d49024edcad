// The page: files in, similarities and a verdict out.

import {element, number} from './elements.js';
import {Embedder, decode} from './embedder.js';
import {openGallery} from './gallery.js';
import {cosine, distance, samePerson} from './similarity.js';

const $ = (id) => document.getElementById(id);
const crops = []; // {name, file, address, image, embedding}, in the order they came
const USUAL_FPR = 0.01; // the share of false matches that is chosen at first, at most
let thresholds = []; // those of model.json that can be chosen
let about, embedder;
let gallery = null;
let waiting = 0;
let work = Promise.resolve(); // one thing after another: a model may not change under a crop

/** Does `task` after what is under way; a failure is shown and nothing else is held up. */
function enqueue(task) {
  waiting += 1;
  $('main').ariaBusy = 'true';
  work = work.then(task).catch((error) => complain(error.message)).then(() => {
    waiting -= 1;
    $('main').ariaBusy = String(waiting > 0);
    show();
  });
}

async function start() {
  const answer = await fetch('/model/model.json');
  about = await answer.json();
  const {height, width} = about.input;
  $('about').textContent = `${about.name} · ${about.architecture?.preset ?? 'another network'} at ${height} × ${width}`;
  const usable = about.files.filter(
    (file) => file.format === 'litert' && file.batch_size === 1 && file.passed,
  );
  $('model').append(...usable.map((f, i) => new Option(fileLabel(f), i)));
  // The page shows cosines: the other metrics count where there is no threshold of theirs.
  const cosines = about.thresholds.filter(({metric}) => metric === 'cosine');
  thresholds = cosines.length ? cosines : about.thresholds;
  $('threshold').append(...thresholds.map((t, i) => new Option(thresholdLabel(t), i)));
  $('threshold').value = Math.max(thresholds.findIndex(({fpr}) => fpr <= USUAL_FPR), 0);
  $('threshold').parentElement.hidden = !thresholds.length;
  $('model').onchange = () => enqueue(() => useModel(usable[$('model').value]));
  gallery = await openGallery(() => enqueue(lookAgain));
  await useModel(usable[0]);
  $('input').disabled = false;
}

async function useModel(file) {
  const next = await Embedder.load(about, file);
  embedder?.delete();
  embedder = next;
  for (const crop of crops) crop.embedding = await embedder.embed(crop.image);
  await lookAgain();
}

/** Looks for the same crop's person anew: among other cameras, by another model. */
async function lookAgain() {
  if (gallery?.crop) await gallery.search(gallery.crop);
}

async function add(file) {
  let image;
  try {
    image = await decode(file);
  } catch {
    throw new Error(`${file.name} is not an image that this browser can read`);
  }
  if (image.translucent) {
    complain(`${file.name} is partly transparent: its colours there are not exact`);
  }
  const embedding = await embedder.embed(image);
  const crop = {name: file.name, file, address: URL.createObjectURL(file), image, embedding};
  crops.push(crop);
  await gallery?.search(crop);
}

function addAll(files) {
  $('errors').replaceChildren();
  for (const file of files) enqueue(() => add(file));
}

function remove(crop) {
  URL.revokeObjectURL(crop.address);
  crops.splice(crops.indexOf(crop), 1);
  if (gallery?.crop === crop) gallery.forget();
}

function show() {
  $('crops').replaceChildren(...crops.map(card));
  $('save').disabled = $('clear').disabled = !crops.length;
  const calibration = thresholds[$('threshold').value];
  const pairs = crops.flatMap((a, i) => crops.slice(i + 1).map((b) => [a, b]));
  const same = calibration
    ? pairs.filter(([a, b]) => samePerson(calibration, a.embedding, b.embedding)).length
    : null;
  showVerdict(pairs, same, calibration);
  showMatrix(calibration);
  gallery?.show(calibration);
}

function showVerdict(pairs, same, calibration) {
  let verdict = 'Two crops or more, and the verdict stands here.';
  if (pairs.length && !calibration) verdict = 'No verdict';
  else if (pairs.length === 1) verdict = same ? 'Same person' : 'Different people';
  else if (pairs.length) verdict = same ? `${same} of ${pairs.length} pairs match` : 'No pair matches';
  $('verdict').textContent = verdict;
  $('verdict').className = !pairs.length || !calibration ? '' : same ? 'same' : 'different';
  $('reason').textContent = pairs.length ? reason(pairs, calibration) : '';
}

function reason(pairs, calibration) {
  if (!calibration) {
    return (
      'model.json holds no threshold: train/evaluate.py measures one and train/export.py ' +
      'writes it there. The higher the similarity, the likelier one person.'
    );
  }
  const {metric, threshold} = calibration;
  const [a, b] = pairs[0].map((crop) => crop.embedding);
  const [measure, value, needed] =
    metric === 'cosine'
      ? ['Similarity', cosine(a, b), `${number(1 - threshold)} or more`]
      : [`Distance (${metric})`, distance(metric, a, b), `${number(threshold)} or less`];
  const rule = `${needed} counts as the same person`;
  return pairs.length === 1 ? `${measure} ${number(value)}; ${rule}` : `${measure} of ${rule}`;
}

function showMatrix(calibration) {
  $('matrix').hidden = crops.length < 2;
  const head = element('tr', {}, element('td'), ...crops.map((crop) => heading(crop, 'col')));
  const rows = crops.map((a) => {
    const cells = crops.map((b) => (a === b ? element('td', {className: 'self'}) : cell(a, b)));
    return element('tr', {}, heading(a, 'row'), ...cells);
  });
  function cell(a, b) {
    const similarity = cosine(a.embedding, b.embedding);
    const made = element('td', {textContent: number(similarity)});
    made.style.setProperty('--level', `${Math.round(Math.max(similarity, 0) * 100)}%`);
    if (calibration) {
      const same = samePerson(calibration, a.embedding, b.embedding);
      made.className = same ? 'same' : 'different';
      made.title = `${a.name}, ${b.name}: ${same ? 'same person' : 'different people'}`;
    }
    return made;
  }
  $('matrix').replaceChildren(head, ...rows);
}

function card(crop) {
  const button = element('button', {type: 'button', textContent: '×'});
  button.ariaLabel = `Remove ${crop.name}`;
  button.onclick = () => enqueue(() => remove(crop));
  const caption = element('span', {textContent: crop.name, title: crop.name});
  const made = element('li', {}, picture(crop, crop.name), button, caption);
  if (gallery) made.append(...galleryButtons(crop));
  return made;
}

function galleryButtons(crop) {
  const find = element('button', {type: 'button', className: 'find', textContent: 'Find'});
  find.ariaLabel = `Find ${crop.name} in the gallery`;
  find.onclick = () => enqueue(() => gallery.search(crop));
  const keep = element('button', {type: 'button', className: 'keep', textContent: 'Add'});
  keep.ariaLabel = `Add ${crop.name} to the gallery`;
  keep.onclick = () =>
    enqueue(async () => {
      await gallery.add(crop);
      await lookAgain();
    });
  return [find, keep];
}

function heading(crop, scope) {
  return element('th', {scope, title: crop.name}, picture(crop, crop.name));
}

const picture = (crop, alt) => element('img', {src: crop.address, alt});

function complain(message) {
  $('errors').append(element('li', {textContent: message}));
}

const percent = (share) => `${+(share * 100).toPrecision(2)} %`;
const fileLabel = (file) => `${file.precision} (${(file.bytes / 1e6).toFixed(1)} MB)`;

function thresholdLabel({metric, fpr, tpr, dataset}) {
  const where = [dataset, metric === 'cosine' ? '' : metric].filter(Boolean).join(', ');
  return `${percent(fpr)} false, ${percent(tpr)} found${where && ` (${where})`}`;
}

/** A JSON file of the embeddings, to compare with those of train/embed.py. */
function save() {
  const images = crops.map(({name, embedding}) => ({name, embedding: [...embedding]}));
  const {path, sha256} = embedder.file;
  const text = JSON.stringify({model: about.name, file: path, sha256, images});
  const href = URL.createObjectURL(new Blob([text], {type: 'application/json'}));
  element('a', {href, download: 'embeddings.json'}).click();
  URL.revokeObjectURL(href);
}

$('input').onchange = () => {
  addAll([...$('input').files]);
  $('input').value = ''; // so that the same file may be chosen again
};
$('threshold').onchange = show;
$('save').onclick = save;
$('clear').onclick = () => enqueue(() => [...crops].forEach(remove));
window.addEventListener('dragover', (event) => {
  event.preventDefault();
  document.body.classList.add('dragging');
});
window.addEventListener('dragleave', (event) => {
  if (!event.relatedTarget) document.body.classList.remove('dragging');
});
window.addEventListener('drop', (event) => {
  event.preventDefault();
  document.body.classList.remove('dragging');
  addAll([...event.dataTransfer.files]);
});

enqueue(start);
