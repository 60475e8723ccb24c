#!/usr/bin/env python3
"""Writes reference vectors of small deep networks: norms, shortcuts, pools.

    python -m pip install torch numpy spikingjelly==2.0.0
    python deep.py [--out DIR]

It writes `deep.safetensors`, of the form of the files of `generate.py`;
README.md says what the tensors are and `check_deep.py` how each is computed.
Unlike there, everything runs in float32. The same seeds are tried every time,
so the file is a pure function of the versions of the libraries and, in the last
bits of its numbers, of the order in which torch sums on a machine.

A seed is taken if no membrane is near the threshold, so that any order of sums
gives the same spikes. Each case is run in float64 as well, to assert that its
spikes are the same and its numbers nearly so. The library has two programs for
its neurons: in float32 one whose backward pass is written by hand, in float64
plain torch operations; so this compares the two as well.
"""

import argparse
import platform
from importlib.metadata import version
from pathlib import Path

import torch
from generate import Vectors
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from spikingjelly.activation_based.model.sew_resnet import sew_function
from torch.nn import functional as F

T = 4  # steps
K = 4  # outputs
MARGIN = 1e-4  # no membrane comes closer than this to its threshold
GAP = 1e-5  # by which the largest current of a window of a pool leads
RATES = (0.1, 0.4)  # of every layer of neurons

LIF = dict(tau=2.0, decay_input=False, v_threshold=1.0, v_reset=None, detach_reset=True)


class Unfit(Exception):
    """What was drawn does not meet the constraints."""


class Net:
    """Parameters by name, and what a run of the network computed, by name.

    A subclass has `draw`, which draws parameters, and `current(x)`, which
    computes what the readout sees from the input `[T, N, C, H, W]`.
    """

    # Keyword arguments of conv2d, by the name of the convolution.
    convs = {}

    def __init__(self):
        self.params, self.found, self.margin = {}, {}, 1.0
        self.draw()
        for p in self.params.values():
            p.requires_grad_()

    def double(self):
        """The same network in float64."""
        other = object.__new__(type(self))
        other.params = {k: p.detach().double().requires_grad_() for k, p in self.params.items()}
        other.found, other.margin = {}, 1.0
        return other

    # Drawing of parameters

    def draw_conv(self, name, inputs, outputs, gain, bias=True):
        """Weights that are larger the fewer inputs are summed up."""
        inputs //= self.convs[name].get("groups", 1)
        weight = torch.randn(outputs, inputs, 3, 3) * gain / (9 * inputs) ** 0.5
        self.params[f"{name}.weight"] = weight
        if bias:
            self.params[f"{name}.bias"] = 0.1 + 0.2 * torch.randn(outputs)

    def draw_linear(self, inputs):
        self.params["linear.weight"] = torch.randn(K, inputs) / inputs**0.5

    # Layers. Steps are folded into the batch where no neuron sees them.

    def conv(self, name, x):
        weight, bias = self.params[f"{name}.weight"], self.params.get(f"{name}.bias")
        y = F.conv2d(x.flatten(0, 1), weight, bias, **self.convs[name])
        return y.unflatten(0, x.shape[:2])

    def lif(self, name, current):
        """The spikes of a layer of neurons that starts at rest."""
        node = neuron.LIFNode(
            surrogate_function=surrogate.ATan(2.0), step_mode="m", store_v_seq=True, **LIF
        )
        spikes = node(current)
        # The reset subtracts the threshold of 1; adding it again gives the
        # membrane that was compared.
        above = (node.v_seq + spikes - 1).detach()
        assert torch.equal(above >= 0, spikes.bool())
        self.margin = min(self.margin, above.abs().min().item())
        self.found |= {f"current.{name}": current, f"spikes.{name}": spikes}
        return spikes

    def run(self, x):
        self.found, self.margin = {}, 1.0
        y = self.current(x)
        self.found["output"] = y.flatten(2) @ self.params["linear.weight"].T
        return self.found["output"]

    def loss_and_gradients(self, x, r):
        """For the loss sum(r * output)."""
        loss = (self.run(x) * r).sum()
        grads = torch.autograd.grad(loss, list(self.params.values()))
        return loss, {f"grad.{k}": g for k, g in zip(self.params, grads)}

    # Constraints

    def rates(self):
        return {
            k.removeprefix("spikes."): round(s.mean().item(), 3)
            for k, s in self.found.items()
            if k.startswith("spikes.")
        }

    def require_fit(self):
        if self.margin <= MARGIN:
            raise Unfit
        if not all(RATES[0] <= rate <= RATES[1] for rate in self.rates().values()):
            raise Unfit


# --------------------------------------------------------------------------
# Networks
# --------------------------------------------------------------------------


class Sew(Net):
    """The block of SEW-ResNet, which combines spikes with spikes."""

    convs = {f"conv{i}": dict(padding=1) for i in range(3)}
    input = (2, 2, 4, 4)
    connect = None

    def draw(self):
        self.draw_conv("conv0", 2, 3, 1.5)
        self.draw_conv("conv1", 3, 3, 2.2)
        self.draw_conv("conv2", 3, 3, 2.2)
        self.draw_linear(48)

    def current(self, x):
        x = self.lif("x", self.conv("conv0", x))
        a = self.lif("a", self.conv("conv1", x))
        b = self.lif("b", self.conv("conv2", a))
        self.found["out"] = sew_function(x, b, self.connect)
        return self.found["out"]

    def require_fit(self):
        super().require_fit()
        x, b = (self.found[f"spikes.{k}"] for k in "xb")
        want = {"ADD": b + x, "AND": b * x, "IAND": (1 - b) * x}[self.connect]
        assert torch.equal(self.found["out"], want)
        if self.found["out"].mean() < 0.05:
            raise Unfit


class SewAdd(Sew):
    connect = "ADD"


class SewAnd(Sew):
    connect = "AND"


class SewIand(Sew):
    connect = "IAND"


class MembraneShortcut(Net):
    """The block of MS-ResNet, which adds currents to currents."""

    convs = {f"conv{i}": dict(padding=1) for i in range(3)}
    input = (2, 2, 4, 4)

    def draw(self):
        self.draw_conv("conv0", 2, 3, 1.2)
        self.draw_conv("conv1", 3, 3, 1.2)
        self.draw_conv("conv2", 3, 3, 1.2)
        self.draw_linear(48)

    def current(self, x):
        u0 = self.conv("conv0", x)
        u1 = u0 + self.conv("conv1", self.lif("s1", u0))
        u2 = u1 + self.conv("conv2", self.lif("s2", u1))
        return self.lif("s3", u2)


class MaxPool(Net):
    """Of spikes. Where several spikes, or none, tie, the gradient goes to the
    first of the window, in row-major order."""

    convs = {"conv1": dict(padding=1), "conv2": dict(padding=1)}
    input = (2, 2, 6, 6)

    def draw(self):
        self.draw_conv("conv1", 2, 3, 1.5)
        self.draw_conv("conv2", 3, 3, 1.5)
        self.draw_linear(27)

    def current(self, x):
        s1 = self.lif("s1", self.conv("conv1", x))
        pooled = functional.seq_to_ann_forward(s1, torch.nn.MaxPool2d(2))
        self.found["pooled"] = pooled
        return self.lif("s2", self.conv("conv2", pooled))


class PoolCurrent(Net):
    """Of the current, before the neurons."""

    convs = {"conv1": dict(padding=1)}
    input = (2, 2, 6, 6)
    gain = 1.5
    pool = None

    def draw(self):
        self.draw_conv("conv1", 2, 3, self.gain)
        self.draw_linear(27)

    def current(self, x):
        self.found["unpooled"] = self.conv("conv1", x)
        return self.lif("s1", functional.seq_to_ann_forward(self.found["unpooled"], self.pool))


class MaxPoolCurrent(PoolCurrent):
    pool, gain = torch.nn.MaxPool2d(2), 1.0

    def require_fit(self):
        super().require_fit()
        windows = self.found["unpooled"].unfold(3, 2, 2).unfold(4, 2, 2).flatten(5)
        best = windows.topk(2).values
        if (best[..., 0] - best[..., 1]).min() <= GAP:
            raise Unfit


class AvgPoolCurrent(PoolCurrent):
    pool, gain = torch.nn.AvgPool2d(2), 2.5


class Depthwise(Net):
    """A convolution of each channel by itself, and a dilated one."""

    convs = {
        "conv1": dict(padding=1, dilation=1, groups=3),
        "conv2": dict(padding=2, dilation=2, groups=3),
    }
    input = (2, 3, 5, 5)

    def draw(self):
        self.draw_conv("conv1", 3, 3, 1.5)
        self.draw_conv("conv2", 3, 3, 2.2)
        self.draw_linear(75)

    def current(self, x):
        s1 = self.lif("s1", self.conv("conv1", x))
        return self.lif("s2", self.conv("conv2", s1))


class BatchNorm(Net):
    """A norm whose statistics are over samples, steps, rows and columns."""

    convs = {"conv": dict(padding=1)}
    input = (6, 2, 5, 5)

    def draw(self):
        self.draw_conv("conv", 2, 3, 1.0, bias=False)
        self.params["norm.scale"] = 1 + 0.2 * torch.randn(3)
        self.params["norm.shift"] = 0.2 * torch.randn(3)
        self.draw_linear(75)
        self.norm = self.new_norm()

    @staticmethod
    def new_norm():
        # Scale and shift are those of `params`, put in below.
        return layer.BatchNorm2d(3, eps=1e-5, momentum=0.1, step_mode="m")

    def double(self):
        other = super().double()
        other.norm = self.new_norm().double()
        return other

    def current(self, x):
        scale, shift = self.params["norm.scale"], self.params["norm.shift"]
        put = {"weight": scale, "bias": shift}
        y = torch.func.functional_call(self.norm, put, (self.conv("conv", x),))
        return self.lif("s", y)

    def running(self):
        return {
            "running_mean": self.norm.running_mean.clone(),
            "running_var": self.norm.running_var.clone(),
        }


# --------------------------------------------------------------------------
# Cases
# --------------------------------------------------------------------------


def draw_spikes(shape):
    return (torch.rand(T, *shape) < 0.4).float()


def require_equal(found, wanted):
    """float32 against float64: the same spikes, nearly the same numbers."""
    assert found.keys() == wanted.keys()
    for name, want in wanted.items():
        got = found[name].double()
        if "spikes" in name or name == "pooled":
            assert torch.equal(got, want), name
        error = (got - want).abs().max() / want.abs().max().clamp(min=1)
        assert error < 1e-5, (name, error)


def require_gradients(grads):
    for name, g in grads.items():
        assert g.isfinite().all() and g.abs().max() > 1e-2, (name, g)


def trial(make):
    """A network, with one run and its gradients."""
    net = make()
    x, r = draw_spikes(make.input), torch.randn(T, make.input[0], K)
    loss, grads = net.loss_and_gradients(x, r)
    net.require_fit()
    found = {**net.found, "loss": loss, **grads}
    require_gradients(grads)
    other = net.double()
    loss, grads = other.loss_and_gradients(x.double(), r.double())
    require_equal(found, {**other.found, "loss": loss, **grads})
    given = {"input": x, "r": r} | {f"param.{k}": p for k, p in net.params.items()}
    return net, {"margin": net.margin, "rates": net.rates()}, given | found


UPDATES, LR = 3, 0.05


def train(net, inputs):
    """Updates, each on an input and factors of its own, and an evaluation."""
    tensors, margins, rates = {}, [], {}

    def ran(place, more):
        net.require_fit()
        margins.append(net.margin)
        rates[place] = net.rates()["s"]
        tensors.update({f"{place}.{k}": v for k, v in (net.found | more).items()})

    optimizer = torch.optim.SGD(net.params.values(), lr=LR)
    net.norm.train()
    for i, (x, r) in enumerate(inputs[:UPDATES]):
        loss, grads = net.loss_and_gradients(x, r)
        require_gradients(grads)
        for name, p in net.params.items():
            p.grad = grads[f"grad.{name}"]
        optimizer.step()
        after = {f"param.{k}": p.detach().clone() for k, p in net.params.items()}
        ran(f"update{i}", {"loss": loss, **grads, **after, **net.running()})
    net.norm.eval()
    before = net.running()
    net.run(inputs[UPDATES][0])
    assert all(torch.equal(v, before[k]) for k, v in net.running().items())
    ran("eval", {})
    return tensors, {"margin": min(margins), "rates": rates}


def trial_batch_norm(make):
    """Three updates by gradient descent, then an evaluation."""
    net = make()
    other = net.double()
    draw = lambda: (draw_spikes(make.input), 0.1 * torch.randn(T, make.input[0], K))
    inputs = [draw() for _ in range(UPDATES + 1)]  # the last factors are not used
    given = {f"param.{k}": p.detach().clone() for k, p in net.params.items()}
    given |= {f"update{i}.r": r for i, (_, r) in enumerate(inputs[:UPDATES])}
    places = [*(f"update{i}" for i in range(UPDATES)), "eval"]
    given |= {f"{place}.input": x for place, (x, _) in zip(places, inputs)}
    found, info = train(net, inputs)
    wanted, _ = train(other, [(x.double(), r.double()) for x, r in inputs])
    require_equal(found, wanted)
    return net, {"lr": LR, "updates": UPDATES, "eps": 1e-5, "momentum": 0.1, **info}, given | found


CASES = {
    "batch_norm": (BatchNorm, trial_batch_norm),
    "sew_add": (SewAdd, trial),
    "sew_and": (SewAnd, trial),
    "sew_iand": (SewIand, trial),
    "membrane_shortcut": (MembraneShortcut, trial),
    "max_pool": (MaxPool, trial),
    "max_pool_current": (MaxPoolCurrent, trial),
    "avg_pool_current": (AvgPoolCurrent, trial),
    "depthwise": (Depthwise, trial),
}


def add(vectors, case, make, attempt):
    for seed in range(1000):
        torch.manual_seed(seed)
        try:
            net, info, tensors = attempt(make)
        except Unfit:
            continue
        info["margin"] = round(info["margin"], 5)
        info |= {"kind": "network", "seed": seed, "surrogate": "ATan(2)", "convs": net.convs, **LIF}
        # Spikes as bytes, everything else as it is.
        is_bytes = lambda name: "spikes" in name or name == "pooled"
        tensors = {k: v.detach().byte() if is_bytes(k) else v for k, v in tensors.items()}
        vectors.add(case, info, tensors)
        print(f"  {case}: seed {seed}, margin {info['margin']}, rates {info['rates']}")
        return
    raise SystemExit(f"{case}: no seed meets the constraints")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.set_default_dtype(torch.float32)
    print(
        f"python {platform.python_version()}, torch {torch.__version__}, "
        f"spikingjelly {version('spikingjelly')}"
    )
    vectors = Vectors("spikingjelly", version("spikingjelly"), 0)
    for case, (make, attempt) in CASES.items():
        add(vectors, case, make, attempt)
    path = args.out / "deep.safetensors"
    vectors.write(path)
    print(f"{len(vectors.tensors)} tensors, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
