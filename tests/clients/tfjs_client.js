// TensorFlow.js on what its converter made of our SavedModel.
//
// node tfjs_client.js FOLDER: FOLDER holds `tfjs` and `crops.json`, {shape, values}. Prints the
// embeddings as JSON.
const fs = require("fs");
const path = require("path");
const tf = require(path.join(process.env.NODE_MODULES, "@tensorflow", "tfjs"));

async function main(folder) {
  const read = (name) => fs.readFileSync(path.join(folder, name));
  const { modelTopology, weightsManifest, signature } = JSON.parse(read("tfjs/model.json"));
  const weights = Buffer.concat(weightsManifest.flatMap((group) => group.paths).map((name) => read(`tfjs/${name}`)));
  const model = await tf.loadGraphModel(
    tf.io.fromMemory({
      modelTopology,
      signature,
      weightSpecs: weightsManifest.flatMap((group) => group.weights),
      weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.length),
    }),
  );
  const { shape, values } = JSON.parse(read("crops.json"));
  const found = model.execute({ [model.inputs[0].name]: tf.tensor(values, shape, "float32") });
  console.log(JSON.stringify(await found.array()));
}

main(process.argv[2]);
