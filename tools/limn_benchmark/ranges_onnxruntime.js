// ranges_onnxruntime.js MODEL.onnx HEIGHT WIDTH INPUTS
// Runs a network on each photo's network input of a file, floats of planes x height x width, one after another, and
// prints JSON: least and largest value of each of its outputs, {name: [least, largest]}.
"use strict";
const fs = require("fs");
const runtime = require("onnxruntime-node");

async function main() {
  const [model, height, width, inputsFile] = process.argv.slice(2);
  const session = await runtime.InferenceSession.create(model, { executionProviders: ["cpu"], logSeverityLevel: 3 });
  const shape = [1, 3, Number(height), Number(width)];
  const size = shape.reduce((product, length) => product * length);
  const values = new Float32Array(new Uint8Array(fs.readFileSync(inputsFile)).buffer);
  const ranges = {};
  for (let begin = 0; begin < values.length; begin += size) {
    const input = new runtime.Tensor("float32", values.slice(begin, begin + size), shape);
    const outputs = await session.run({ [session.inputNames[0]]: input });
    for (const name of session.outputNames) {
      let [least, largest] = ranges[name] || [Infinity, -Infinity];
      for (const value of outputs[name].data) {
        if (value < least) least = value;
        if (value > largest) largest = value;
      }
      ranges[name] = [least, largest];
    }
  }
  console.log(JSON.stringify(ranges));
}

main().catch((error) => {
  console.error(`ranges_onnxruntime.js: ${error.message}`);
  process.exit(1);
});
