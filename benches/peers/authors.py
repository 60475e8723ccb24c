"""The method as its authors write it: a loop over time steps, autograd, and gradient hooks."""

import math

import torch
import torch.nn.functional as F
from torch import nn

import common


class Spike(torch.autograd.Function):
    """1 where there is something above the threshold; the gradient passes there and nowhere else."""

    @staticmethod
    def forward(ctx, above):
        ctx.save_for_backward(above)
        return above.gt(0.0).to(above.dtype)

    @staticmethod
    def backward(ctx, gradient):
        (above,) = ctx.saved_tensors
        return gradient.masked_fill(above.le(0.0), 0.0)


class Leak(torch.autograd.Function):
    """The membrane leaks forward; backward its gradient passes unchanged."""

    @staticmethod
    def forward(ctx, membrane, leak):
        return membrane * leak

    @staticmethod
    def backward(ctx, gradient):
        return gradient, None


class Correction:
    """Leaky trace and count of a layer's spikes, and the factor made of them that the layer's hooks apply.

    Nothing here carries a graph: a hook that held tensors with one would close a reference cycle with the graph that
    holds the hook, and every step's memory would stay.
    """

    def __init__(self, leak):
        self.leak = leak
        self.trace = self.count = 0.0
        self.factor = None

    def add(self, spikes):
        self.trace = self.leak * self.trace + spikes.detach()
        self.count = self.count + spikes.detach()

    def finish(self):
        fired = self.trace.gt(1e-3).float()
        guard = self.count.lt(1e-3).float()
        self.factor = fired + math.log(self.leak) * self.trace / (self.count + guard)

    def hook(self, gradient):
        return gradient * self.factor


class Authors(nn.Module):
    def __init__(self, net, weights):
        super().__init__()
        self.net = net
        self.parameters_ = nn.ParameterDict({name: nn.Parameter(weight) for name, weight in weights.items()})
        self.weights = dict(self.parameters_.items())

    def current(self, layer, spikes):
        if layer.map == "conv":
            return F.conv2d(spikes, self.weights[layer.weight], stride=layer.stride, padding=layer.padding)
        if layer.map == "linear":
            return F.linear(spikes.flatten(1), self.weights[layer.weight])
        return F.avg_pool2d(spikes, layer.kernel, layer.stride)

    def trial(self, inputs, masks, train, counts):
        net = self.net
        membranes = {layer.name: torch.zeros(net.batch, *layer.shape) for layer in net.layers}
        corrections = {layer.name: Correction(net.leak) for layer in net.layers if layer.neuron == "lif"}
        for t in range(net.steps):
            spikes = inputs.draw(t, 1)[0]
            if counts is not None:
                counts["input"] = counts.get("input", 0.0) + spikes.abs()
            for layer in net.layers:
                v = membranes[layer.name] + self.current(layer, spikes)
                if layer.neuron == "output":
                    membranes[layer.name] = Leak.apply(v, net.leak)
                    continue
                above = F.threshold(v, layer.threshold, 0.0)
                v = v - above  # hard reset
                spikes = Spike.apply(above)
                if counts is not None:
                    counts[layer.name] = counts.get(layer.name, 0.0) + spikes.detach()
                if layer.neuron == "pool_if":
                    membranes[layer.name] = v
                    continue
                membranes[layer.name] = Leak.apply(v, net.leak)
                # value 1, gradient 1 / threshold
                scaled = spikes / layer.threshold
                spikes = spikes.detach() + scaled - scaled.detach()
                if layer.name in masks:
                    spikes = spikes * masks[layer.name]
                if train:
                    corrections[layer.name].add(spikes)
                    if spikes.requires_grad:
                        spikes.register_hook(corrections[layer.name].hook)
        if train:
            for correction in corrections.values():
                correction.finish()
        last = net.layers[-1]
        return membranes[last.name] / last.threshold / net.steps

    def learn(self, output, target):
        loss = (output - target).square().sum()
        loss.backward()
        return loss.detach()


if __name__ == "__main__":
    common.run("authors", common.arguments(__doc__).parse_args(), Authors)
