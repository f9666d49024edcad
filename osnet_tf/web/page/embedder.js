// From an image file to an embedding, all of it in this browser.

import {Tensor, loadAndCompile, loadLiteRt} from '@litertjs/core';
import {resize} from './resize.js';

const WASM = '/npm/@litertjs/core/wasm/';
let runtime;

/**
 * The RGB pixels of an image file, without colour management. Browsers always turn a picture as its
 * EXIF says, which osnet_tf.data.decoding does not; JPEGs may differ from Python's by rounding.
 * @returns {Promise<{data: Uint8Array, height: number, width: number, translucent: boolean}>}
 */
export async function decode(file) {
  const bitmap = await createImageBitmap(file, {
    colorSpaceConversion: 'none',
    premultiplyAlpha: 'none',
  });
  const {width, height} = bitmap;
  const context = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const rgba = context.getImageData(0, 0, width, height).data;
  const data = new Uint8Array(width * height * 3);
  let translucent = false;
  for (let from = 0, to = 0; from < rgba.length; from += 4) {
    data[to++] = rgba[from];
    data[to++] = rgba[from + 1];
    data[to++] = rgba[from + 2];
    translucent ||= rgba[from + 3] < 255;
  }
  return {data, height, width, translucent};
}

/** One .tflite file of a model.json, loaded. Call delete() when it is no longer needed. */
export class Embedder {
  /** @param about What model.json says. @param file One of its `files`, of batch size 1. */
  static async load(about, file) {
    runtime ??= loadLiteRt(WASM);
    await runtime;
    const model = await loadAndCompile(`/model/${encodeURIComponent(file.path)}`, {
      accelerator: 'wasm',
    });
    return new Embedder(about, file, model);
  }

  constructor(about, file, model) {
    Object.assign(this, {about, file, model});
  }

  /** @returns {Promise<Float32Array>} The embedding of what `decode` returned. */
  async embed(image) {
    const {name, height, width} = this.about.input;
    const images = new Tensor(resize(image, height, width), [1, height, width, 3]);
    let results = {};
    try {
      results = await this.model.run('serving_default', {[name]: images});
      const values = await results[this.about.embedding.name].data();
      const {scale = 1, zero_point: zero = 0} = this.file.output ?? {};
      return Float32Array.from(values, (value) => (value - zero) * scale);
    } finally {
      for (const tensor of [images, ...Object.values(results)]) tensor.delete();
    }
  }

  delete() {
    this.model.delete();
  }
}
