"""The same method as quick as PyTorch makes it: time folded into the batch, closed-form backward pass, no autograd.

Time is cut into chunks of a few steps. Within a chunk the convolutions see [steps * N, C, H, W], so that one call does
the work of many and its operands stay in the cache; the membranes are then stepped through the chunk in place. All that is
kept of the forward pass is one byte per neuron and step: whether it spiked. The backward pass goes through the chunks
in reverse with

    d(t) = C * mask * g(t) / threshold   where the neuron spiked,   else d(t + 1)

(g: gradient with respect to its output; C: leak correction). All activations are channels-last, which the convolutions of
PyTorch prefer on a CPU, and elementwise work is put so that it meets vectorised kernels:

- membranes are kept negated, because `threshold_` then does the reset in one pass: it sets to zero whatever lies at or
  below a bound, and a spike is strictly above its threshold;
- `lerp` with weights of exactly 0 and 1 chooses between g(t) and d(t + 1).
"""

import math

import numpy as np
import torch
import torch.nn.functional as F

import common

LAST = torch.channels_last


def spread(steps, batch, shape, dtype):
    """A buffer [steps, N, C, H, W] that lies in memory as [steps, N, H, W, C]."""
    if len(shape) == 1:
        return torch.empty(steps, batch, *shape, dtype=dtype)
    channels, height, width = shape
    return torch.empty(steps, batch, height, width, channels, dtype=dtype).permute(0, 1, 4, 2, 3)


def rows(x):
    """[steps, everything else] of a buffer made by `spread`, without a copy."""
    return x.permute(0, 1, 3, 4, 2).reshape(len(x), -1) if x.dim() == 5 else x.reshape(len(x), -1)


class Folded:
    def __init__(self, net, weights, fold):
        self.net = net
        self.fold = fold
        self.weights = {}
        for name, weight in weights.items():
            self.weights[name] = weight.contiguous(memory_format=LAST) if weight.dim() == 4 else weight
        self.kept = None
        self.spikes = {}

    def buffers(self, train):
        """Spikes: of all steps for training, of one chunk for inference."""
        if self.kept != train:
            self.kept = train
            net, steps = self.net, self.net.steps if train else self.fold
            self.input = spread(steps, net.batch, net.input_shape, torch.int8)
            self.spikes = {
                layer.name: spread(steps, net.batch, layer.shape, torch.bool) for layer in net.layers[:-1]
            }

    def current(self, layer, x):
        """What the layer's map makes of spikes [steps, N, ...]."""
        steps = len(x)
        x = x.flatten(0, 1)
        if layer.map == "linear":
            y = x.flatten(1) @ self.weights[layer.weight].T
        elif layer.map == "conv":
            y = F.conv2d(x, self.weights[layer.weight], stride=layer.stride, padding=layer.padding)
            y = y.contiguous(memory_format=LAST)
        else:
            y = F.avg_pool2d(x, layer.kernel, layer.stride)
        return y.unflatten(0, (steps, -1))

    @torch.no_grad()
    def trial(self, inputs, masks, train, counts):
        net, leak = self.net, self.net.leak
        self.buffers(train)
        self.masks = {name: m.contiguous(memory_format=LAST) if m.dim() == 4 else m for name, m in masks.items()}
        membranes = {layer.name: spread(1, net.batch, layer.shape, torch.float32)[0].zero_() for layer in net.layers}
        # per neuron: leaky trace and count of the spikes, lying in memory as the neurons do
        traces = {layer.name: torch.zeros(2, membranes[layer.name].numel()) for layer in net.layers if layer.neuron == "lif"}
        for start in range(0, net.steps, self.fold):
            steps = min(self.fold, net.steps - start)
            at = start if train else 0
            x = inputs.draw(start, steps)
            if x.dim() == 5:
                x = x.flatten(0, 1).contiguous(memory_format=LAST).unflatten(0, (steps, -1))
            if train:
                self.input[at : at + steps].copy_(x)
            if counts is not None:
                counts["input"] = counts.get("input", 0.0) + x.abs().sum(0)
            decays = torch.stack([leak ** torch.arange(steps - 1, -1, -1.0), torch.ones(steps)])
            for layer in net.layers:
                current = self.current(layer, x)
                v = membranes[layer.name]  # negated
                if layer.neuron == "output":
                    for t in range(steps):
                        v.sub_(current[t]).mul_(leak)
                    break
                spikes = self.spikes[layer.name][at : at + steps]
                below = float(np.nextafter(np.float32(-layer.threshold), np.float32(-np.inf)))
                for t in range(steps):
                    v.sub_(current[t])
                    torch.lt(v, -layer.threshold, out=spikes[t])
                    F.threshold_(v, below, 0.0)
                    if layer.neuron == "lif":
                        v.mul_(leak)
                x = spikes.float()
                if layer.name in self.masks:
                    x.mul_(self.masks[layer.name])
                if train and layer.neuron == "lif":
                    trace = traces[layer.name]
                    trace[0] *= leak**steps
                    trace += decays @ rows(x)
                if counts is not None:
                    counts[layer.name] = counts.get(layer.name, 0.0) + spikes.sum(0)
        if train:
            self.factors = {layer.name: self.factor(layer, *traces[layer.name]) for layer in net.layers if layer.name in traces}
        last = net.layers[-1]
        return membranes[last.name] / (-last.threshold * net.steps)

    def factor(self, layer, trace, count):
        """Correction, mask and 1 / threshold, in one factor per neuron."""
        correction = trace.gt(1e-3).float() + math.log(self.net.leak) * trace / (count + count.lt(1e-3))
        correction /= layer.threshold
        if len(layer.shape) == 3:
            channels, height, width = layer.shape
            correction = correction.view(-1, height, width, channels).permute(0, 3, 1, 2)
        else:
            correction = correction.view(-1, *layer.shape)
        return correction * self.masks[layer.name] if layer.name in self.masks else correction

    def output_of(self, index, start, steps):
        """Spikes of a layer (-1: the input) in a chunk as floats, before and after its mask."""
        if index < 0:
            x = self.input[start : start + steps].float()
            return x, x
        name = self.net.layers[index].name
        raw = self.spikes[name][start : start + steps].float()
        return raw, raw * self.masks[name] if name in self.masks else raw

    @torch.no_grad()
    def learn(self, output, target):
        net, last = self.net, self.net.layers[-1]
        error = output - target
        d_last = error * (2.0 / (net.steps * last.threshold))  # the same at every step
        below = net.layers[-2]
        total = self.spikes[below.name].sum(0, dtype=torch.float32)
        if below.name in self.masks:
            total *= self.masks[below.name]
        gradients = {last.weight: d_last.T @ total.flatten(1)}
        g_last = (d_last @ self.weights[last.weight]).unflatten(1, below.shape)
        if len(below.shape) == 3:
            g_last = g_last.contiguous(memory_format=LAST)

        hidden = range(len(net.layers) - 2, -1, -1)
        carries = [torch.zeros_like(spikes[0], dtype=torch.float32) for spikes in self.spikes.values()]
        # deltas of the linear layers over all steps: their weight gradients are one product at the end
        deltas = {
            index: torch.empty(net.steps, net.batch, *net.layers[index].shape)
            for index in hidden
            if net.layers[index].map == "linear"
        }
        for end in range(net.steps, 0, -self.fold):
            start = max(0, end - self.fold)
            steps = end - start
            raw, _ = self.output_of(len(net.layers) - 2, start, steps)
            g, owned = g_last.expand(steps, *g_last.shape), False
            for index in hidden:
                layer = net.layers[index]
                if layer.neuron == "lif":
                    g = g.mul_(self.factors[layer.name]) if owned else g * self.factors[layer.name]
                owned = True
                d = deltas[index][start:end] if index in deltas else torch.empty_like(raw)
                carry = carries[index]
                for t in reversed(range(steps)):
                    torch.lerp(carry, g[t], raw[t], out=d[t])
                    carry = d[t]
                carries[index].copy_(carry)

                if layer.map == "avgpool":
                    raw, _ = self.output_of(index - 1, start, steps)
                    d = d.flatten(0, 1).mul_(1.0 / layer.kernel**2)
                    g = F.interpolate(d, scale_factor=layer.kernel, mode="nearest").unflatten(0, (steps, -1))
                elif layer.map == "linear":
                    if index > 0:
                        raw, _ = self.output_of(index - 1, start, steps)
                        g = d.flatten(0, 1) @ self.weights[layer.weight]
                        shape = net.layers[index - 1].shape
                        g = g.unflatten(1, shape)
                        if len(shape) == 3:
                            g = g.contiguous(memory_format=LAST)
                        g = g.unflatten(0, (steps, -1))
                else:
                    raw, x = self.output_of(index - 1, start, steps)
                    g, gradient, _ = torch.ops.aten.convolution_backward(
                        d.flatten(0, 1), x.flatten(0, 1), self.weights[layer.weight], None,
                        [layer.stride] * 2, [layer.padding] * 2, [1, 1], False, [0, 0], 1, [index > 0, True, False],
                    )  # fmt: skip
                    if index > 0:
                        g = g.unflatten(0, (steps, -1))
                    if layer.weight in gradients:
                        gradients[layer.weight] += gradient
                    else:
                        gradients[layer.weight] = gradient
        for index, d in deltas.items():
            _, x = self.output_of(index - 1, 0, net.steps)
            gradients[net.layers[index].weight] = d.flatten(0, 1).T @ x.flatten(0, 1).flatten(1)
        for name, weight in self.weights.items():
            weight.grad = gradients[name]
        return error.square().sum()


if __name__ == "__main__":
    common.keep_freed_memory()
    parser = common.arguments(__doc__.split("\n", 1)[0])
    parser.add_argument("--fold", type=int, default=10, help="time steps of a chunk (default: %(default)s)")
    args = parser.parse_args()
    common.run("folded", args, lambda net, weights: Folded(net, weights, args.fold))
