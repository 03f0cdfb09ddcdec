"""time_opencv.py MODEL.onnx HEIGHT WIDTH THREADS RUNS INPUT OUTPUT [NAME...]

Times OpenCV's DNN module on one photo's network input: a file of floats, planes x height x width. Writes its outputs,
of these names, one after another to OUTPUT and prints JSON: version, and milliseconds of each run after 3 that are not
counted.
"""

import json
import sys
import time

import cv2
import numpy as np


def main():
    model, height, width, threads, runs, input_file, output_file, *names = sys.argv[1:]
    cv2.setNumThreads(int(threads))
    network = cv2.dnn.readNetFromONNX(model)
    blob = np.fromfile(input_file, "<f4").reshape(1, 3, int(height), int(width))
    milliseconds = []
    for i in range(-3, int(runs)):
        network.setInput(blob)
        start = time.perf_counter()
        outputs = network.forward(names)
        if i >= 0:
            milliseconds.append(1e3 * (time.perf_counter() - start))
    with open(output_file, "wb") as file:
        for output in outputs:
            file.write(np.ascontiguousarray(output, "<f4").tobytes())
    print(json.dumps({"version": cv2.__version__, "milliseconds": milliseconds}))


if __name__ == "__main__":
    main()
