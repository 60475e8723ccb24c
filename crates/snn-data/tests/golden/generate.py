#!/usr/bin/env python3
"""Writes what tonic's ToFrame makes of a recording, to compare `Frames` with.

    python -m pip install tonic==1.7.0 numpy
    python generate.py

Reads ../samples/nmnist/Train/5/00001.bin and writes frames.bin.gz: for each of
CASES, in this order, the frames as tonic gives them, one byte a count, of shape
[frames, polarity, row, column]. The same bytes every time.
"""

import gzip
from pathlib import Path

import numpy as np
from tonic import transforms
from tonic.io import read_mnist_file

HERE = Path(__file__).parent
SENSOR = (34, 34, 2)  # columns, rows, polarities
CASES = [{"n_time_bins": 10}, {"n_event_bins": 10}, {"time_window": 30_000}]


def main():
    dtype = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])
    events = read_mnist_file(HERE / "../samples/nmnist/Train/5/00001.bin", dtype=dtype)
    frames = [transforms.ToFrame(sensor_size=SENSOR, **case)(events) for case in CASES]
    for case, counts in zip(CASES, frames):
        print(case, counts.shape, counts.sum(), "of", len(events), "events, at most", counts.max())
        assert 0 <= counts.min() and counts.max() < 256
    data = b"".join(counts.astype(np.uint8).tobytes() for counts in frames)
    (HERE / "frames.bin.gz").write_bytes(gzip.compress(data, 9, mtime=0))


if __name__ == "__main__":
    main()
