// time_onnxruntime.js MODEL.onnx HEIGHT WIDTH THREADS RUNS INPUT OUTPUT
// Times ONNX Runtime on one photo's network input: a file of floats, planes x height x width. Writes its outputs one
// after another to OUTPUT and prints JSON: version, and milliseconds of each run after 3 that are not counted.
"use strict";
const fs = require("fs");
const runtime = require("onnxruntime-node");
const version = require("onnxruntime-node/package.json").version;

async function main() {
  const [model, height, width, threads, runs, inputFile, outputFile] = process.argv.slice(2);
  const session = await runtime.InferenceSession.create(model, {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const bytes = fs.readFileSync(inputFile);
  const values = new Float32Array(new Uint8Array(bytes).buffer);
  const input = new runtime.Tensor("float32", values, [1, 3, Number(height), Number(width)]);
  const feeds = { [session.inputNames[0]]: input };

  const milliseconds = [];
  let outputs;
  for (let i = -3; i < Number(runs); ++i) {
    const start = process.hrtime.bigint();
    outputs = await session.run(feeds);
    if (i >= 0) milliseconds.push(Number(process.hrtime.bigint() - start) / 1e6);
  }
  const results = session.outputNames.map((name) => outputs[name].data);
  fs.writeFileSync(outputFile, Buffer.concat(results.map((d) => Buffer.from(d.buffer, d.byteOffset, d.byteLength))));
  console.log(JSON.stringify({ version, milliseconds }));
}

main().catch((error) => {
  console.error(`time_onnxruntime.js: ${error.message}`);
  process.exit(1);
});
