"""Writes a case: weights, input spikes, dropout masks and targets that every program can be given.

The weights lie on a grid of 2^-10, so that sums of them are exact in single precision whatever their order, and the
programs' membranes do not part by rounding before the leak.
"""

import argparse

import torch
from safetensors.torch import save_file

import common


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", help="safetensors file to write")
    parser.add_argument("--net", default="lenet", choices=["lenet", "vgg9"])
    parser.add_argument("--steps", type=int, help="time steps T (default: the net's)")
    parser.add_argument("--batch", type=int, help="samples (default: the net's)")
    parser.add_argument("--images", help="MNIST idx file (.gz too) or CIFAR-10 binary file; default: random images")
    parser.add_argument("--gain", type=float, default=1.0, help="factor on the weights: above 1, few steps reach deep layers")
    parser.add_argument("--weights-only", action="store_true", help="write the weights and nothing else")
    args = parser.parse_args()

    net = common.network(args.net)
    net.steps = args.steps or net.steps
    net.batch = args.batch or net.batch
    weights = common.initial_weights(net, args.gain)
    tensors = {f"weight.{name}": (weight * 1024.0).round() / 1024.0 for name, weight in weights.items()}
    if not args.weights_only:
        torch.manual_seed(2)
        pixels, classes = common.images(net, args.images, net.batch)
        tensors["input_spikes"] = common.Drawn(net, pixels).draw(0, net.steps).to(torch.int8)
        tensors["target"] = common.one_hot(classes, net.classes)
        for name, mask in common.draw_masks(net).items():
            tensors[f"mask.{name}"] = mask
    save_file(tensors, args.file)


if __name__ == "__main__":
    main()
