"""What the PyTorch programs share: networks, encoding, arguments, files, timing."""

import argparse
import gzip
import json
import math
import os
import resource
import statistics
import struct
import sys
import time
from dataclasses import dataclass, field

import numpy as np
import torch
from safetensors.torch import load_file, save_file

WEIGHT_DECAY = 5e-4


# ---------------------------------------------------------------------------------------------------------------------
# Networks


@dataclass
class Layer:
    """Neurons of one kind, and the one linear map that feeds them from the layer below."""

    name: str
    neuron: str  # "lif", "pool_if" or "output"
    map: str  # "conv", "linear" or "avgpool"
    shape: tuple  # of one sample at one time step
    threshold: float
    weight: str | None = None
    weight_shape: tuple | None = None
    kernel: int = 0
    stride: int = 1
    padding: int = 0
    dropout: float = 0.0


@dataclass
class Net:
    """A chain of layers."""

    name: str
    input_shape: tuple
    layers: list
    leak: float = 0.99
    rate: float = 1.0  # firing probability of a pixel of value 1
    learning_rate: float = 0.0
    steps: int = 100
    batch: int = 1
    weights: dict = field(default_factory=dict)  # name -> shape, in order

    def __post_init__(self):
        self.weights = {layer.weight: layer.weight_shape for layer in self.layers if layer.weight}

    @property
    def classes(self):
        return self.layers[-1].shape[0]


def chain(name, input_shape, plan, dropout, **settings):
    """Builds a net from tuples (name, "conv" or "linear", outputs, kernel) and (name, "pool")."""
    layers, shape = [], input_shape
    for name_, kind, *sizes in plan:
        if kind == "pool":
            shape = (shape[0], shape[1] // 2, shape[2] // 2)
            layers.append(Layer(name_, "pool_if", "avgpool", shape, 0.75, kernel=2, stride=2))
        elif kind == "conv":
            outputs, kernel = sizes
            weight_shape = (outputs, shape[0], kernel, kernel)
            shape = (outputs, shape[1], shape[2])
            layer = Layer(name_, "lif", "conv", shape, 1.0, name_, weight_shape, kernel, 1, kernel // 2, dropout)
            layers.append(layer)
        else:
            (outputs,) = sizes
            weight_shape = (outputs, math.prod(shape))
            shape = (outputs,)
            neuron = "output" if name_ == "readout" else "lif"
            p = 0.0 if neuron == "output" else dropout
            layers.append(Layer(name_, neuron, "linear", shape, 1.0, name_, weight_shape, dropout=p))
    return Net(name, input_shape, layers, **settings)


def lenet():
    plan = [
        ("conv1", "conv", 20, 5), ("pool1", "pool"),
        ("conv2", "conv", 50, 5), ("pool2", "pool"),
        ("fc1", "linear", 200), ("readout", "linear", 10),
    ]  # fmt: skip
    return chain("lenet", (1, 28, 28), plan, 0.0, rate=0.5, learning_rate=0.0085, batch=64)


def vgg9(dropout=0.2):
    plan = [
        ("conv1", "conv", 64, 3), ("conv2", "conv", 64, 3), ("pool1", "pool"),
        ("conv3", "conv", 128, 3), ("conv4", "conv", 128, 3), ("pool2", "pool"),
        ("conv5", "conv", 256, 3), ("conv6", "conv", 256, 3), ("conv7", "conv", 256, 3), ("pool3", "pool"),
        ("fc1", "linear", 1024), ("readout", "linear", 10),
    ]  # fmt: skip
    return chain("vgg9", (3, 32, 32), plan, dropout, learning_rate=0.0033, batch=16)


def from_json(path):
    """A chain described as the golden vectors are (tests/golden/README.md)."""
    with open(path) as file:
        text = json.load(file)
    if text["mask_order"] != "mask_then_trace":
        sys.exit(f"{path}: only mask_then_trace is supported, found {text['mask_order']}")
    layers, below = [], "input"
    for node in text["nodes"]:
        (source,) = node["inputs"] if len(node["inputs"]) == 1 else sys.exit(f"{path}: {node['name']} is no chain")
        if source["from"] != below:
            sys.exit(f"{path}: {node['name']} reads {source['from']}, not the layer below")
        weight = source.get("weight")
        layers.append(
            Layer(
                node["name"], node["type"], source["op"], tuple(node["shape"]), node["threshold"], weight,
                tuple(text["weight_shapes"][weight]) if weight else None,
                source.get("kernel", 0), source.get("stride", 1), source.get("padding", 0),
            )
        )  # fmt: skip
        below = node["name"]
    name = os.path.splitext(os.path.basename(path))[0]
    return Net(name, tuple(text["input_shape"]), layers, leak=text["leak"], steps=text["T"], batch=text["batch"])


def network(name):
    if name == "lenet":
        return lenet()
    if name == "vgg9":
        return vgg9()
    return from_json(name)


def initial_weights(net, gain=1.0):
    """N(0, 2 / fan_in) from seed 0."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.randn(shape, generator=generator) * (gain * math.sqrt(2.0 / math.prod(shape[1:])))
        for name, shape in net.weights.items()
    }


# ---------------------------------------------------------------------------------------------------------------------
# Images and files


def images(net, path, count):
    """The first `count` images, normalised, and their classes. Without a file: random images."""
    if path is None:
        generator = torch.Generator().manual_seed(1)
        pixels = torch.rand((count, *net.input_shape), generator=generator)
        return (pixels if net.rate != 1.0 else 2.0 * pixels - 1.0), torch.arange(count) % net.classes
    if path.endswith(".bin"):
        raw = np.fromfile(path, np.uint8).reshape(-1, 3073)[:count]
        mean = np.array([0.4914, 0.4822, 0.4465], np.float32).reshape(1, 3, 1, 1)
        deviation = np.array([0.557, 0.549, 0.5534], np.float32).reshape(1, 3, 1, 1)
        pixels = (raw[:, 1:].reshape(-1, 3, 32, 32) / np.float32(255.0) - mean) / deviation
        classes = raw[:, 0]
    else:
        pixels = read_idx(path)[:count, None] / np.float32(255.0)
        labels = path.replace("images-idx3", "labels-idx1")
        classes = read_idx(labels)[:count] if labels != path and os.path.exists(labels) else np.arange(count) % 10
    if len(pixels) < count or pixels.shape[1:] != net.input_shape:
        sys.exit(f"{path}: expected at least {count} images {net.input_shape}, found {len(pixels)} {pixels.shape[1:]}")
    return torch.from_numpy(pixels.astype(np.float32)), torch.from_numpy(classes.astype(np.int64))


def read_idx(path):
    """An MNIST file, packed or not."""
    with gzip.open(path) if path.endswith(".gz") else open(path, "rb") as file:
        data = file.read()
    dimensions = data[3]
    extents = struct.unpack(f">{dimensions}I", data[4 : 4 + 4 * dimensions])
    return np.frombuffer(data, np.uint8, offset=4 + 4 * dimensions).reshape(extents)


def encode(net, pixels):
    """Signed Poisson spikes of one time step (or of several, if `pixels` has a leading axis for them)."""
    fired = pixels.abs() * net.rate > torch.rand(pixels.shape)
    return pixels.sign() * fired


def one_hot(classes, count):
    return torch.nn.functional.one_hot(classes, count).float()


def read_weights(net, path):
    if path is None:
        return initial_weights(net)
    tensors = load_file(path)
    return {name: tensors[f"weight.{name}"].clone() for name in net.weights}


# ---------------------------------------------------------------------------------------------------------------------
# Running a program


def keep_freed_memory():
    """Starts the program anew with glibc told to keep freed memory, instead of giving it back and faulting it in."""
    settings = {
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": "20000000000",
        "MALLOC_TOP_PAD_": "268435456",
    }
    if sys.platform == "linux" and any(os.environ.get(key) != value for key, value in settings.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **settings})


def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--net", default="lenet", help="lenet, vgg9, or a golden descriptor (JSON)")
    parser.add_argument("--steps", type=int, help="time steps T (default: the net's)")
    parser.add_argument("--batch", type=int, help="samples of a batch (default: the net's)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of PyTorch")
    parser.add_argument("--repeat", type=int, default=3, help="timed steps, after one that is not counted")
    parser.add_argument("--images", help="MNIST idx file (.gz too) or CIFAR-10 binary file; default: random images")
    parser.add_argument("--weights", help="safetensors file with weight.<name> to start from")
    parser.add_argument("--infer", action="store_true", help="time inference instead of training")
    parser.add_argument("--case", help="safetensors case: compute its gradients, time nothing")
    parser.add_argument("--gradients", help="where to write the results of --case")
    return parser


def run(program, args, make):
    """Runs a program: `make(net, weights)` returns an object with

    - trial(inputs, masks, train, counts): output y [N, K]; `inputs` has draw(start, steps), which gives spikes
      [steps, N, ...] as floats; `masks` maps layer names to [N, ...]; `counts`, if a dict, receives the spikes of each
      layer before dropout, [N, ...];
    - backward(d_output): fills the gradients (or leaves that to autograd);
    - weights: dict of tensors with .grad.
    """
    torch.set_num_threads(args.threads)
    base = peak_mb()
    net = network(args.net)
    if args.case:
        return case(net, args, make)
    net.steps = args.steps or net.steps
    net.batch = args.batch or net.batch
    torch.manual_seed(0)
    pixels, classes = images(net, args.images, net.batch)
    target = one_hot(classes, net.classes)
    model = make(net, read_weights(net, args.weights))
    optimiser = torch.optim.SGD(model.weights.values(), lr=net.learning_rate, weight_decay=WEIGHT_DECAY)
    inputs = Drawn(net, pixels)

    def train(counts=None):
        optimiser.zero_grad()
        masks = draw_masks(net)
        output = model.trial(inputs, masks, True, counts)
        model.learn(output, target)
        optimiser.step()

    def infer(counts=None):
        with torch.no_grad():
            return model.trial(inputs, {}, False, counts).argmax(1)

    step = infer if args.infer else train
    counts = {}
    step(counts)  # not counted: page faults, set-up of the kernels; densities are taken here
    seconds = []
    for _ in range(args.repeat):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    trials = net.steps * net.batch
    densities = {name: float(count.sum(dtype=torch.float64)) / (trials * count[0].numel()) for name, count in counts.items()}
    line = {
        "program": program, "net": net.name, "mode": "infer" if args.infer else "train",
        "steps": net.steps, "batch": net.batch, "threads": args.threads,
        "seconds": [round(s, 5) for s in seconds], "median": round(statistics.median(seconds), 5) if seconds else None,
        "peak_mb": round(peak_mb(), 1), "base_mb": round(base, 1),
        "densities": {name: round(density, 5) for name, density in densities.items()},
    }  # fmt: skip
    print(json.dumps(line), flush=True)


class Drawn:
    """Input spikes drawn as they are asked for."""

    def __init__(self, net, pixels):
        self.net, self.pixels = net, pixels

    def draw(self, start, steps):
        return encode(self.net, self.pixels.expand(steps, *self.pixels.shape))


class Given:
    """Input spikes from a file."""

    def __init__(self, spikes):
        self.spikes = spikes

    def draw(self, start, steps):
        return self.spikes[start : start + steps].float()


def draw_masks(net):
    """One mask for each layer with dropout: 0 with probability p, else 1 / (1 - p); held over all time steps."""
    return {
        layer.name: torch.nn.functional.dropout(torch.ones(net.batch, *layer.shape), layer.dropout)
        for layer in net.layers
        if layer.dropout > 0.0
    }


def case(net, args, make):
    """Output, loss, gradients and spike counts of exactly the spikes, masks, weights and target of a file."""
    tensors = load_file(args.case)
    spikes = tensors["input_spikes"]
    net.steps, net.batch = spikes.shape[:2]
    net.input_shape = tuple(spikes.shape[2:])
    weights = {name: tensors[f"weight.{name}"].clone() for name in net.weights}
    masks = {layer.name: tensors[f"mask.{layer.name}"] for layer in net.layers if f"mask.{layer.name}" in tensors}
    model = make(net, weights)
    counts = {}
    output = model.trial(Given(spikes), masks, True, counts)
    loss = model.learn(output, tensors["target"])
    results = {"output": output.detach(), "loss": loss.detach().reshape(1)}
    results |= {f"grad.{name}": weight.grad for name, weight in model.weights.items()}
    for name, count in counts.items():
        if name != "input":
            results[f"count.{name}"] = count.float()
            results[f"fired.{name}"] = count.sum(dtype=torch.float64).long().reshape(1)
    if args.gradients:
        save_file({name: tensor.detach().contiguous() for name, tensor in results.items()}, args.gradients)
    total = {name: int(count.sum(dtype=torch.float64)) for name, count in counts.items()}
    print(json.dumps({"case": args.case, "loss": float(loss), "spikes": total}), flush=True)
