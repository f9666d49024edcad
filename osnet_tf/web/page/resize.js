// The project's one resize rule (osnet_tf/preprocessing.py), to the last bit of its float32 sums:
// a canvas would scale differently in every browser, and the embedding with it.

const {fround} = Math;

/**
 * @param {{data: Uint8Array, height: number, width: number}} image RGB, row by row.
 * @returns {Uint8Array} RGB of height x width.
 */
export function resize(image, height, width) {
  if (image.height === height && image.width === width) return image.data.slice();
  const shrinks = height < image.height || width < image.width;
  return (shrinks ? shrunk : enlarged)(image, height, width);
}

// Antialiased, as TensorFlow's ScaleAndTranslate with its triangle kernel: rows, then columns, and
// one rounding at the end.
function shrunk({data, height: oldHeight, width: oldWidth}, height, width) {
  const row = oldWidth * 3;
  const rows = new Float32Array(height * row);
  spans(oldHeight, height).forEach(({start, weights}, y) => {
    weights.forEach((weight, k) => {
      const from = (start + k) * row;
      for (let i = 0; i < row; i++) rows[y * row + i] += fround(weight * data[from + i]);
    });
  });
  const columns = spans(oldWidth, width);
  const result = new Uint8ClampedArray(height * width * 3);
  for (let y = 0; y < height; y++) {
    columns.forEach(({start, weights}, x) => {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let k = 0; k < weights.length; k++) {
          sum = fround(sum + fround(weights[k] * rows[y * row + (start + k) * 3 + c]));
        }
        result[(y * width + x) * 3 + c] = Math.floor(fround(sum + 0.5));
      }
    });
  }
  return new Uint8Array(result.buffer);
}

// For each new pixel of one axis: the first old pixel that it sees, and the weights from there on.
function spans(oldSize, size) {
  const scale = fround(1 / fround(size / oldSize));
  const radius = Math.max(scale, 1);
  const perRadius = fround(1 / radius);
  return Array.from({length: size}, (_, x) => {
    const centre = fround((x + 0.5) * scale);
    const low = Math.ceil(fround(fround(centre - radius) - 0.5));
    const high = Math.floor(fround(fround(centre + radius) - 0.5));
    const start = Math.min(Math.max(low, 0), oldSize - 1);
    const end = Math.min(Math.max(high, 0), oldSize - 1) + 1;
    const weights = new Float32Array(end - start);
    let sum = 0;
    for (let k = 0; k < weights.length; k++) {
      const distance = Math.abs(fround(fround(start + k + 0.5 - centre) * perRadius));
      weights[k] = distance < 1 ? 1 - distance : 0;
      sum = fround(sum + weights[k]);
    }
    const perSum = fround(1 / sum);
    return {start, weights: weights.map((weight) => weight * perSum)};
  });
}

// Plain bilinear in two passes, each rounded: columns, then rows. The half that rounds is added
// before, to fewer pixels; storing into bytes then cuts the fraction off.
function enlarged({data, height: oldHeight, width: oldWidth}, height, width) {
  const wide = new Uint8Array(oldHeight * width * 3);
  neighbours(oldWidth, width).forEach(({low, high, part}, x) => {
    for (let y = 0; y < oldHeight; y++) {
      for (let c = 0; c < 3; c++) {
        const at = y * oldWidth * 3 + c;
        wide[(y * width + x) * 3 + c] = between(data[at + low * 3], data[at + high * 3], part);
      }
    }
  });
  const row = width * 3;
  const result = new Uint8Array(height * row);
  neighbours(oldHeight, height).forEach(({low, high, part}, y) => {
    for (let i = 0; i < row; i++) {
      result[y * row + i] = between(wide[low * row + i], wide[high * row + i], part);
    }
  });
  return result;
}

function neighbours(oldSize, size) {
  const scale = fround(oldSize / size);
  return Array.from({length: size}, (_, x) => {
    const centre = fround(fround((x + 0.5) * scale) - 0.5);
    const floor = Math.floor(centre);
    return {
      low: Math.max(floor, 0),
      high: Math.min(Math.ceil(centre), oldSize - 1),
      part: fround(centre - floor),
    };
  });
}

function between(a, b, part) {
  return fround(a + 0.5 + fround((b - a) * part));
}
