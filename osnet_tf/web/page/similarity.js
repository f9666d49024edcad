// The same distances and the same verdict as osnet_tf.metrics.

/** The cosine of the angle between two embeddings, -1..1; with a vector of zeros it is 0. */
export function cosine(a, b) {
  const length = Math.sqrt(dot(a, a)) * Math.sqrt(dot(b, b));
  return length > 0 ? Math.min(Math.max(dot(a, b) / length, -1), 1) : 0;
}

/** The distance of a calibration's metric: "cosine", "euclidean" or "sqeuclidean". */
export function distance(metric, a, b) {
  if (metric === 'cosine') return 1 - cosine(a, b);
  const difference = a.map((value, i) => value - b[i]);
  const squared = dot(difference, difference);
  if (metric === 'sqeuclidean') return squared;
  if (metric === 'euclidean') return Math.sqrt(squared);
  throw new Error(`model.json has a threshold of an unknown metric: ${metric}`);
}

/** Whether two embeddings are of one person at a threshold of model.json; float32, as measured. */
export function samePerson({metric, threshold}, a, b) {
  return Math.fround(distance(metric, a, b)) <= Math.fround(threshold);
}

function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
