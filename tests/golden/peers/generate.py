#!/usr/bin/env python3
"""Writes reference vectors computed by snnTorch, SpikingJelly and Norse.

    python -m pip install torch numpy snntorch==1.0.0 spikingjelly==2.0.0 norse==1.1.0
    python generate.py [--out DIR] [--seed N] [--only snntorch|spikingjelly|norse]

One `<library>.safetensors` is written per library. Tensors are named
`<case>/<tensor>`; the metadata entry `cases` is a JSON object with the
constants of every case. README.md says what the tensors are. The output is a
pure function of the seed and of the library versions.

Everything runs on the CPU, in float64, and is stored in float64, except inputs
(exact in float32) and spikes (bytes). Encoders run in float32.
"""

import argparse
import contextlib
import json
import platform
import struct
import sys
import warnings
import zlib
from pathlib import Path
from unittest import mock

import numpy as np
import torch

T, N = 24, 5  # steps and neurons of every neuron case
MARGIN = 1e-3  # no membrane comes closer than this to its threshold
F64 = torch.float64


# --------------------------------------------------------------------------
# Storage
# --------------------------------------------------------------------------


DTYPES = {np.dtype("f8"): "F64", np.dtype("f4"): "F32", np.dtype("u1"): "U8"}
STORED_AS = {"input": np.float32, "output": np.float32, "spikes": np.uint8}


class Vectors:
    """The cases of one library."""

    def __init__(self, library, version, seed):
        self.library, self.version, self.seed = library, version, seed
        self.cases, self.tensors = {}, {}

    def rng(self, *key):
        """A generator that depends on the seed and the key only."""
        text = "/".join([self.library, *map(str, key)])
        return np.random.default_rng([self.seed, zlib.crc32(text.encode())])

    def add(self, case, info, tensors):
        assert case not in self.cases, case
        self.cases[case] = info
        for name, value in tensors.items():
            if torch.is_tensor(value):
                value = value.detach().numpy()
            value = np.ascontiguousarray(value)
            dtype = STORED_AS.get(name, value.dtype)
            assert np.array_equal(value, value.astype(dtype)), (case, name)
            value = value.astype(dtype)
            assert value.dtype in DTYPES, (case, name, value.dtype)
            assert np.isfinite(value).all(), (case, name)
            self.tensors[f"{case}/{name}"] = value

    def write(self, path):
        """A minimal safetensors writer whose bytes are reproducible."""
        order = sorted(self.tensors, key=lambda k: (-self.tensors[k].itemsize, k))
        header = {
            "__metadata__": {
                "library": self.library,
                "version": self.version,
                "torch": torch.__version__.split("+")[0],
                "seed": str(self.seed),
                "cases": json.dumps(self.cases, sort_keys=True, separators=(",", ":")),
            }
        }
        offset = 0
        for key in order:
            t = self.tensors[key]
            header[key] = {
                "dtype": DTYPES[t.dtype],
                "shape": list(t.shape),
                "data_offsets": [offset, offset + t.nbytes],
            }
            offset += t.nbytes
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        with open(path, "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for key in order:
                file.write(self.tensors[key].tobytes())

    def table(self):
        print(f"{self.library} {self.version}")
        for case, info in self.cases.items():
            extra = "  ".join(
                f"{k} {info[k]:.3g}" for k in ("rate", "margin") if k in info
            )
            print(f"  {info['kind']:9} {case:34} {extra}")
        size = sum(t.nbytes for t in self.tensors.values())
        print(f"  {len(self.cases)} cases, {len(self.tensors)} tensors, {size} bytes")


# --------------------------------------------------------------------------
# Neuron cases
# --------------------------------------------------------------------------


def find_drive(lib, case, run, probe, gain, offset, rate):
    """Searches an input `[T, n]` with the wanted firing rate and margin."""
    for seed in range(200):
        noise = lib.rng("drive", case, seed).uniform(-0.4, 1.0, (T, N))
        for scale in np.geomspace(0.4, 2.5, 25):
            x = np.round((offset + gain * scale * noise) * 4096) / 4096
            probe.clear()
            with torch.no_grad():
                spikes = run(torch.tensor(x))["spikes"].numpy()
            margin = min(p.abs().min().item() for p in probe)
            if (
                rate[0] <= spikes.mean() <= rate[1]
                and spikes.sum(0).min() >= 2
                and margin > 2 * MARGIN
            ):
                return x
    sys.exit(f"{lib.library} {case}: no input meets the constraints")


def loss_weights(lib):
    """The fixed factors a and b of L, multiples of 1/64, for all cases."""
    rng = lib.rng("loss weights")
    return [torch.tensor(np.round(rng.uniform(-1, 1, (T, N)) * 64) / 64) for _ in "ab"]


def add_common(lib):
    a, b = loss_weights(lib)
    x = torch.arange(-24, 25, dtype=F64) / 8
    lib.add("common", {"kind": "common"}, {"a": a, "b": b, "x": x})


def gradients(lib, out, leaves):
    """d L / d leaf for L = sum(a*spikes) and L = sum(a*spikes) + sum(b*membrane)."""
    a, b = loss_weights(lib)
    result = {}
    spikes = (a * out["spikes"]).sum()
    for key, loss in (("s", spikes), ("sm", spikes + (b * out["membrane"]).sum())):
        grads = torch.autograd.grad(loss, list(leaves.values()), retain_graph=True)
        result |= {f"grad_{key}.{k}": g for k, g in zip(leaves, grads)}
    return result


def add_neuron(
    lib, case, info, run, probe, params={}, gain=1.0, offset=0.0, rate=(0.25, 0.4),
    same_as=None, drive=None,
):  # fmt: skip
    """Runs `run(x) -> {spikes, membrane, ...}` and stores states and gradients.

    `probe` is a list to which the run appends every `membrane - threshold`
    that it compares with zero. `params` are learnable parameters. `same_as`
    names a case with the same input, spikes and states, which are then not
    stored again. `drive` is an input to use instead of searching one.
    """
    if same_as is not None:
        drive = lib.tensors[f"{same_as}/input"].astype(np.float64)
    elif drive is None:
        drive = find_drive(lib, case, run, probe, gain, offset, rate)
    x = torch.tensor(drive, requires_grad=True)
    probe.clear()
    out = run(x)
    margin = min(p.abs().min().item() for p in probe)
    assert margin > MARGIN, (case, margin)
    for name, value in out.items():
        assert value.shape == (T, N) and value.dtype == F64, (case, name, value.dtype)
    forward = {"input": x, **out}
    info = {"kind": "neuron", **info}
    if same_as is None:
        info["margin"] = round(margin, 5)
        info["rate"] = round(out["spikes"].mean().item(), 3)
    else:
        info["forward"] = same_as
        for name, value in forward.items():
            assert np.array_equal(value.detach(), lib.tensors[f"{same_as}/{name}"])
        forward = {}
    forward |= {f"param.{k}": p for k, p in params.items()}
    lib.add(case, info, forward | gradients(lib, out, {"input": x, **params}))


def add_surrogates(lib, base, table, name_of):
    """Stores the derivative of each surrogate on the grid `common/x`, and for
    the main ones the gradient through the neuron of case `base`.

    A row of the table is `(info, function, kinks, runner)`. `kinks` are the
    jumps of the derivative: no membrane may come near one. `runner(probe)`
    makes the run of the neuron with the surrogate, or is None.
    """
    for info, function, kinks, runner in table:
        case = "surrogate_" + name_of(info)
        grid = torch.tensor(lib.tensors["common/x"], requires_grad=True)
        (slope,) = torch.autograd.grad(function(grid).sum(), grid)
        assert slope.dtype == F64
        tensors, info = {"slope": slope}, {"kind": "surrogate", **info}
        if runner is not None:
            x = lib.tensors[f"{base}/input"]
            x = torch.tensor(x, dtype=F64, requires_grad=True)
            out = runner(probe := [])(x)
            assert np.array_equal(out["spikes"].detach(), lib.tensors[f"{base}/spikes"])
            for kink in kinks:
                near = min((p - kink).abs().min().item() for p in probe)
                assert near > MARGIN, (case, kink, near)
            grads = gradients(lib, out, {"input": x})
            tensors["grad_s.input"] = grads["grad_s.input"]
            info["neuron"] = base
        lib.add(case, info, tensors)


def file_name(info):
    """`f(1,2)` as `f_1_2`."""
    return info["function"].replace("(", "_").replace(",", "_").rstrip(")")


def add_loss(lib, case, info, loss, data, targets):
    """Stores a loss of `[T, N, K]` data and its gradient."""
    x = torch.tensor(data, dtype=F64, requires_grad=True)
    value = loss(x, torch.tensor(targets))
    (grad,) = torch.autograd.grad(value.sum(), x)
    info = {"kind": "loss", "targets": targets, **info}
    lib.add(case, info, {"data": x, "loss": value.reshape(()), "grad": grad})


def loss_data(lib):
    """Spikes and membranes `[6, 3, 4]` and the class of each sample."""
    rng = lib.rng("losses")
    spikes = (rng.uniform(size=(6, 3, 4)) < 0.4).astype(np.float64)
    membranes = np.round(rng.uniform(-1, 2, (6, 3, 4)) * 4096) / 4096
    return spikes, membranes, [2, 0, 3]


# --------------------------------------------------------------------------
# snnTorch
# --------------------------------------------------------------------------


@contextlib.contextmanager
def snntorch_in_float64():
    """snnTorch casts spikes with `.float()` and accumulates some losses in a
    module-wide `dtype`; both become float64, nothing else changes."""
    import snntorch.functional.loss as loss_module

    with (
        mock.patch.object(torch.Tensor, "float", torch.Tensor.double),
        mock.patch.object(loss_module, "dtype", F64),
    ):
        yield


def snntorch_leaky(lib):
    import snntorch
    from snntorch import surrogate

    def runner(probe, reset, delay=True, spike=surrogate.atan(2.0), **learn):
        # All constants as float64, otherwise they would be rounded to float32.
        layer = snntorch.Leaky(
            beta=learn.get("beta", torch.tensor(0.9, dtype=F64)),
            threshold=learn.get("threshold", torch.tensor(1.0, dtype=F64)),
            learn_beta="beta" in learn,
            learn_threshold="threshold" in learn,
            spike_grad=lambda x: (probe.append(x.detach()), spike(x))[1],
            reset_mechanism=reset,
            reset_delay=delay,
        )

        def run(x):
            mem, spikes, mems = None, [], []
            layer.reset_mem()
            for t in range(T):
                spk, mem = layer(x[t], torch.zeros(N, dtype=F64) if t == 0 else mem)
                spikes.append(spk)
                mems.append(mem)
            return {"spikes": torch.stack(spikes), "membrane": torch.stack(mems)}

        return run, {k: getattr(layer, k) for k in learn}

    base = {"model": "Leaky", "beta": 0.9, "threshold": 1.0, "surrogate": "atan(2)"}
    for reset in ("subtract", "zero", "none"):
        probe = []
        # Without a reset the input must pull the membrane down again.
        gain = 1.6 if reset == "none" else 1.0
        offset = -0.4 if reset == "none" else 0.0
        info = {**base, "reset_mechanism": reset, "reset_delay": True}
        run, _ = runner(probe, reset)
        add_neuron(lib, f"leaky_{reset}", info, run, probe, gain=gain, offset=offset)
    for reset in ("subtract", "zero"):
        probe = []
        info = {**base, "reset_mechanism": reset, "reset_delay": False}
        run, _ = runner(probe, reset, delay=False)
        add_neuron(lib, f"leaky_{reset}_nodelay", info, run, probe)

    # Large inputs: with reset_delay=False a membrane that is still above the
    # threshold after its reset has its next reset undone if it does not fire.
    def undone(out):
        high, spk = out["membrane"][:-1] > 1, out["spikes"][1:] > 0
        return (high & ~spk).any() and (high & spk).any()

    for seed in range(100):
        probe = []
        run, _ = runner(probe, "subtract", delay=False)
        x = lib.rng("strong", seed).uniform(-2.5, 3.0, (T, N))
        x = np.round(x * 4096) / 4096
        out = run(torch.tensor(x))
        if undone(out) and min(p.abs().min().item() for p in probe) > 2 * MARGIN:
            break
    else:
        sys.exit("strong: no input meets the constraints")
    info = {**base, "reset_mechanism": "subtract", "reset_delay": False}
    add_neuron(lib, "leaky_subtract_nodelay_strong", info, run, probe, drive=x)

    for reset in ("subtract", "zero"):
        probe = []
        learn = {
            "beta": torch.tensor(0.9, dtype=F64),
            "threshold": torch.tensor(1.0, dtype=F64),
        }
        info = {**base, "reset_mechanism": reset, "reset_delay": True}
        run, params = runner(probe, reset, **learn)
        case = f"leaky_{reset}"
        add_neuron(lib, f"{case}_learn", info, run, probe, params, same_as=case)

    def row(name, function, kinks=(), neuron=True):
        run = lambda probe: runner(probe, "subtract", spike=function)[0]
        return {"function": name}, function, kinks, run if neuron else None

    table = (
        row("atan(2)", surrogate.atan(2.0)),
        row("atan(5)", surrogate.atan(5.0), neuron=False),
        row("fast_sigmoid(25)", surrogate.fast_sigmoid(25)),
        row("fast_sigmoid(5)", surrogate.fast_sigmoid(5)),
        row("sigmoid(5)", surrogate.sigmoid(5)),
        row("sigmoid(25)", surrogate.sigmoid(25), neuron=False),
        row("straight_through_estimator", surrogate.straight_through_estimator()),
        row("triangular(1)", surrogate.triangular(1), (0,)),
        row("heaviside", surrogate.heaviside(), (0,), neuron=False),
        row("spike_rate_escape(1,25)", surrogate.spike_rate_escape(1, 25), neuron=False),
        row("SFS(25,1)", surrogate.SFS(25, 1), neuron=False),
    )
    add_surrogates(lib, "leaky_subtract", table, file_name)


def snntorch_synaptic(lib):
    import snntorch
    from snntorch import surrogate

    spike = surrogate.atan(2.0)
    for reset, delay in (("subtract", True), ("zero", True), ("subtract", False)):
        probe = []
        layer = snntorch.Synaptic(
            alpha=torch.tensor(0.8, dtype=F64),
            beta=torch.tensor(0.9, dtype=F64),
            spike_grad=lambda x: (probe.append(x.detach()), spike(x))[1],
            reset_mechanism=reset,
            reset_delay=delay,
        )

        def run(x):
            syn = mem = torch.zeros(N, dtype=F64)
            rows = []
            for t in range(T):
                spk, syn, mem = layer(x[t], syn, mem)
                rows.append((spk, mem, syn))
            spikes, mems, syns = (torch.stack(r) for r in zip(*rows))
            return {"spikes": spikes, "membrane": mems, "state.syn": syns}

        case = f"synaptic_{reset}" + ("" if delay else "_nodelay")
        info = {
            "model": "Synaptic", "alpha": 0.8, "beta": 0.9, "threshold": 1.0,
            "surrogate": "atan(2)", "reset_mechanism": reset, "reset_delay": delay,
        }  # fmt: skip
        add_neuron(lib, case, info, run, probe, gain=0.3)


def snntorch_rleaky(lib):
    import snntorch
    from snntorch import surrogate

    spike = surrogate.atan(2.0)
    rng = lib.rng("rleaky weights")
    weight = np.round(rng.uniform(-0.4, 0.4, (N, N)) * 256) / 256
    bias = np.round(rng.uniform(-0.1, 0.1, N) * 256) / 256
    for reset in ("subtract", "zero"):
        probe = []
        layer = snntorch.RLeaky(
            beta=torch.tensor(0.9, dtype=F64),
            all_to_all=True,
            linear_features=N,
            spike_grad=lambda x: (probe.append(x.detach()), spike(x))[1],
            reset_mechanism=reset,
        )
        layer.recurrent.weight = torch.nn.Parameter(torch.tensor(weight))
        layer.recurrent.bias = torch.nn.Parameter(torch.tensor(bias))

        def run(x):
            spk = mem = torch.zeros(N, dtype=F64)
            rows = []
            for t in range(T):
                spk, mem = layer(x[t], spk, mem)
                rows.append((spk, mem))
            spikes, mems = (torch.stack(r) for r in zip(*rows))
            return {"spikes": spikes, "membrane": mems}

        info = {
            "model": "RLeaky", "beta": 0.9, "threshold": 1.0, "surrogate": "atan(2)",
            "reset_mechanism": reset, "reset_delay": True, "all_to_all": True,
        }  # fmt: skip
        params = {"weight": layer.recurrent.weight, "bias": layer.recurrent.bias}
        add_neuron(lib, f"rleaky_{reset}", info, run, probe, params)


def snntorch_losses(lib):
    import snntorch.functional as sf

    spikes, membranes, targets = loss_data(lib)
    for name, function, data, info in (
        ("ce_rate_loss", sf.ce_rate_loss(), spikes, {}),
        ("ce_rate_loss_real", sf.ce_rate_loss(), membranes, {}),
        ("ce_count_loss", sf.ce_count_loss(), spikes, {}),
        ("ce_max_membrane_loss", sf.ce_max_membrane_loss(), membranes, {}),
        (
            "mse_count_loss",
            sf.mse_count_loss(correct_rate=0.8, incorrect_rate=0.2),
            spikes,
            {"correct_rate": 0.8, "incorrect_rate": 0.2},
        ),
        (
            "mse_membrane_loss",
            sf.mse_membrane_loss(),
            membranes,
            {"on_target": 1, "off_target": 0},
        ),
        (
            "mse_membrane_loss_targets",
            sf.mse_membrane_loss(on_target=1.5, off_target=0.25),
            membranes,
            {"on_target": 1.5, "off_target": 0.25},
        ),
        (
            "mse_membrane_loss_negative",  # the negative off_target is not applied
            sf.mse_membrane_loss(on_target=1.0, off_target=-0.5),
            membranes,
            {"on_target": 1.0, "off_target": -0.5},
        ),
    ):
        info = {"function": function.__name__, **info}
        add_loss(lib, f"loss_{name}", info, function, data, targets)


def snntorch_encoders(lib):
    from snntorch import spikegen

    for case, options in (
        ("latency_linear", dict(num_steps=10, linear=True, normalize=True)),
        ("latency_linear_tau", dict(num_steps=8, linear=True, tau=5.0, first_spike_time=2)),
        ("latency_log", dict(num_steps=10, normalize=True)),
        ("latency_log_tau", dict(num_steps=10, tau=2.0, threshold=0.2, bypass=True)),
        ("latency_log_clip", dict(num_steps=10, normalize=True, threshold=0.2, clip=True)),
        (
            "latency_log_first",
            dict(num_steps=12, normalize=True, first_spike_time=3, tau=5.0, threshold=0.1),
        ),
    ):
        code = {k: v for k, v in options.items() if k not in ("clip", "bypass")}
        # Values in [0, 1]; two are at or below the threshold. No spike time is
        # near the middle of two steps, where it is rounded.
        for seed in range(100):
            values = lib.rng("latency", case, seed).uniform(0, 1, 12)
            values[:4] = 0.0, 0.005, 1.0, 0.011
            data = torch.tensor(values.astype(np.float32)).reshape(3, 4)
            times, _ = spikegen.latency_code(data, **code)
            if ((times - times.floor() - 0.5).abs() > 0.02).all():
                break
        else:
            sys.exit(f"{case}: no input meets the margin")
        output = spikegen.latency(data, **options)
        info = {"kind": "encoder", "function": "latency", **options}
        lib.add(case, info, {"input": data, "times": times, "output": output})

    walk = np.cumsum(lib.rng("delta").uniform(-0.3, 0.3, (12, 3)), axis=0)
    data = torch.tensor(walk.astype(np.float32))
    steps = torch.diff(data, dim=0, prepend=torch.zeros(1, 3))
    assert ((steps.abs() - 0.1).abs() > MARGIN).all()
    for padding in (False, True):
        for off in (False, True):
            case = "delta" + ("_padding" if padding else "") + ("_off" if off else "")
            options = dict(threshold=0.1, padding=padding, off_spike=off)
            output = spikegen.delta(data, **options)
            info = {"kind": "encoder", "function": "delta", **options}
            lib.add(case, info, {"input": data, "output": output})


def generate_snntorch(seed):
    import snntorch

    lib = Vectors("snntorch", snntorch.__version__, seed)
    add_common(lib)
    with snntorch_in_float64():
        snntorch_leaky(lib)
        snntorch_synaptic(lib)
        snntorch_rleaky(lib)
        snntorch_losses(lib)
    snntorch_encoders(lib)  # float32, as the library computes it
    return lib


# --------------------------------------------------------------------------
# SpikingJelly
# --------------------------------------------------------------------------


def spikingjelly_run(node, probe, states=()):
    """Steps a node. In float64 the library takes its plain torch path."""
    node.surrogate_function.register_forward_pre_hook(
        lambda _, args: probe.append(args[0].detach())
    )

    def run(x):
        node.reset()
        rows = []
        for t in range(T):
            spk = node(x[t])
            rows.append((spk, node.v, *(getattr(node, s) for s in states)))
        names = ["spikes", "membrane", *(f"state.{s}" for s in states)]
        return {k: torch.stack(r) for k, r in zip(names, zip(*rows))}

    return run


RESETS = {"hard": 0.0, "soft": None}


def spikingjelly_if(lib):
    from spikingjelly.activation_based import neuron, surrogate

    for reset, v_reset in RESETS.items():
        for detach in (False, True):
            probe, options = [], dict(v_threshold=1.0, v_reset=v_reset, detach_reset=detach)
            node = neuron.IFNode(surrogate_function=surrogate.Sigmoid(4.0), **options)
            run = spikingjelly_run(node, probe)
            info = {"model": "IFNode", "surrogate": "Sigmoid(4)", **options}
            case = f"if_{reset}"
            if detach:
                add_neuron(lib, f"{case}_detach", info, run, probe, same_as=case)
            else:
                add_neuron(lib, case, info, run, probe)


def spikingjelly_lif(lib):
    from spikingjelly.activation_based import neuron, surrogate

    for decay in (True, False):
        for reset, v_reset in (RESETS | {"hard_negative": -0.25}).items():
            for detach in (False, True):
                if reset == "hard_negative" and detach:
                    continue
                options = dict(
                    tau=2.0, decay_input=decay, v_threshold=1.0, v_reset=v_reset,
                    detach_reset=detach,
                )  # fmt: skip
                probe = []
                node = neuron.LIFNode(surrogate_function=surrogate.Sigmoid(4.0), **options)
                run = spikingjelly_run(node, probe)
                info = {"model": "LIFNode", "surrogate": "Sigmoid(4)", **options}
                case = f"lif_{'decay' if decay else 'nodecay'}_{reset}"
                if detach:
                    add_neuron(lib, f"{case}_detach", info, run, probe, same_as=case)
                else:
                    add_neuron(lib, case, info, run, probe, gain=3.0 if decay else 1.5)


def spikingjelly_plif(lib):
    from spikingjelly.activation_based import neuron, surrogate

    for decay, reset, detach in (
        (True, "hard", False),
        (True, "hard", True),
        (True, "soft", False),
        (False, "hard", False),
        (False, "soft", False),
    ):
        options = dict(
            init_tau=3.0, decay_input=decay, v_threshold=1.0, v_reset=RESETS[reset],
            detach_reset=detach,
        )  # fmt: skip
        probe = []
        node = neuron.ParametricLIFNode(
            surrogate_function=surrogate.Sigmoid(4.0), **options
        ).double()  # w was made in float32; its value is stored
        run = spikingjelly_run(node, probe)
        info = {"model": "ParametricLIFNode", "surrogate": "Sigmoid(4)", **options}
        case = f"plif_{'decay' if decay else 'nodecay'}_{reset}"
        same = case if detach else None
        case += "_detach" if detach else ""
        gain = 4.0 if decay else 1.5
        add_neuron(lib, case, info, run, probe, {"w": node.w}, gain=gain, same_as=same)


def spikingjelly_nonlinear(lib):
    from spikingjelly.activation_based import neuron, surrogate

    for model, make, constants, states in (
        ("qif", neuron.QIFNode, dict(tau=2.0, v_c=0.8, a0=1.0, v_rest=0.0), ()),
        ("eif", neuron.EIFNode, dict(tau=2.0, delta_T=1.0, theta_rh=0.8, v_rest=0.0), ()),
        (
            "izhikevich",
            neuron.IzhikevichNode,
            dict(tau=2.0, v_c=0.8, a0=1.0, v_rest=-0.1, w_rest=0.0, tau_w=2.0, a=0.2, b=0.3),
            ("w",),
        ),
    ):
        hard = 0.0 if model == "izhikevich" else -0.1  # the defaults
        for reset, v_reset, detach in (
            ("hard", hard, False),
            ("hard_detach", hard, True),
            ("soft", None, False),
        ):
            options = {
                **constants, "v_threshold": 1.0, "v_reset": v_reset, "detach_reset": detach,
            }  # fmt: skip
            probe = []
            node = make(surrogate_function=surrogate.Sigmoid(4.0), **options)
            run = spikingjelly_run(node, probe, states)
            info = {"model": make.__name__, "surrogate": "Sigmoid(4)", **options}
            same = f"{model}_hard" if detach else None
            gain, offset = (3.0, -0.5) if model == "eif" else (3.0, 0.0)
            add_neuron(
                lib, f"{model}_{reset}", info, run, probe, gain=gain, offset=offset,
                same_as=same,
            )  # fmt: skip


def spikingjelly_surrogates(lib):
    from spikingjelly.activation_based import neuron, surrogate

    def row(name, kinks=(), neuron_too=True):
        make, options = name.rstrip(")").partition("(")[::2]
        values = [int(v) if "Fourier" in name else float(v) for v in options.split(",") if v]
        make = getattr(surrogate, make)

        def runner(probe):
            node = neuron.LIFNode(tau=2.0, surrogate_function=make(*values))
            return spikingjelly_run(node, probe)

        return {"function": name}, make(*values), kinks, runner if neuron_too else None

    table = (
        row("Sigmoid(4)"),
        row("ATan(2)"),
        row("PiecewiseQuadratic(1)"),
        row("PiecewiseQuadratic(2)", neuron_too=False),
        row("PiecewiseExp(1)"),
        row("PiecewiseExp(3)", neuron_too=False),
        row("Erf(2)"),
        row("SoftSign(2)"),
        row("SuperSpike(1)"),
        row("SuperSpike(3)", neuron_too=False),
        row("Rect(1)", (-0.5, 0.5)),
        row("Rect(2)", neuron_too=False),
        row("LeakyKReLU(0.1,1)", (0,)),
        row("PiecewiseLeakyReLU(1,0.01)", (-1, 1), neuron_too=False),
        row("NonzeroSignLogAbs(1)", neuron_too=False),
        row("QPseudoSpike(2)", neuron_too=False),
        row("S2NN(4,1)", neuron_too=False),
        row("LogTailedReLU(0.1)", neuron_too=False),
        row("FakeNumericalGradient(0.3)", neuron_too=False),
        row("SquarewaveFourierSeries(2,8)", neuron_too=False),
        row("DeterministicPass"),
    )
    add_surrogates(lib, "lif_decay_hard", table, file_name)


def spikingjelly_losses(lib):
    from spikingjelly.activation_based import functional

    spikes, membranes, targets = loss_data(lib)
    tet = functional.temporal_efficient_training_cross_entropy
    for name, data in (("tet", spikes), ("tet_real", membranes)):
        info = {"function": tet.__name__}
        add_loss(lib, f"loss_{name}", info, tet, data, targets)


def spikingjelly_encoders(lib):
    from spikingjelly.activation_based import encoding

    values = np.concatenate([[0.0, 1.0], lib.rng("encoders").uniform(0, 1, 10)])
    data = torch.tensor(values.astype(np.float32)).reshape(3, 4)
    for function in ("linear", "log"):
        encoder = encoding.LatencyEncoder(10, enc_function=function, step_mode="s")
        if function == "log":
            times = 9.0 - torch.log(encoder.alpha * data + 1.0)
        else:
            times = 9.0 * (1.0 - data)
        assert ((times - times.floor() - 0.5).abs() > MARGIN).all()
        output = torch.stack([encoder(data) for _ in range(10)])
        info = {"kind": "encoder", "function": "LatencyEncoder", "T": 10, "enc_function": function}
        lib.add(f"latency_{function}", info, {"input": data, "output": output})

    data = torch.tensor((np.floor(values[1:9] * 255) / 256).astype(np.float32)).reshape(2, 4)
    encoder = encoding.WeightedPhaseEncoder(8, step_mode="s")
    output = torch.stack([encoder(data) for _ in range(8)])
    info = {"kind": "encoder", "function": "WeightedPhaseEncoder", "K": 8}
    lib.add("weighted_phase", info, {"input": data, "output": output})

    options = dict(obs_dim=2, pop_dim=5, spike_ts=8, mean_range=(-1.0, 1.0), std=0.4)
    for seed in range(100):
        values = lib.rng("population", seed).uniform(-1, 1, (3, 2))
        data, probe = torch.tensor(values.astype(np.float32)), []
        with torch.no_grad():
            activity = encoding.PopEncoder(**options)(data)[0]
            encoder = encoding.PopSpikeEncoderDeterministic(**options)
            neurons = encoder.neurons
            neurons.surrogate_function.register_forward_pre_hook(
                lambda _, args: probe.append(args[0])
            )
            output = encoder(data)
        if min(p.abs().min().item() for p in probe) > MARGIN:
            break
    else:
        sys.exit("population: no input meets the margin")
    options |= {"v_threshold": neurons.v_threshold, "v_reset": neurons.v_reset}
    info = {"kind": "encoder", "function": "PopSpikeEncoderDeterministic", **options}
    tensors = {"input": data, "activity": activity, "output": output}
    lib.add("population", info, tensors)


def generate_spikingjelly(seed):
    from importlib.metadata import version

    lib = Vectors("spikingjelly", version("spikingjelly"), seed)
    add_common(lib)
    spikingjelly_if(lib)
    spikingjelly_lif(lib)
    spikingjelly_plif(lib)
    spikingjelly_nonlinear(lib)
    spikingjelly_surrogates(lib)
    spikingjelly_losses(lib)
    spikingjelly_encoders(lib)  # float32
    return lib


# --------------------------------------------------------------------------
# Norse
# --------------------------------------------------------------------------


@contextlib.contextmanager
def norse_probe(probe):
    """Appends the argument of every threshold function to `probe`."""
    import importlib

    with contextlib.ExitStack() as stack:
        for name in ("lif", "lif_box", "lsnn", "izhikevich"):
            module = importlib.import_module(f"norse.torch.functional.{name}")
            inner = module.threshold

            def threshold(x, method, alpha, inner=inner):
                probe.append(x.detach())
                return inner(x, method, alpha)

            stack.enter_context(mock.patch.object(module, "threshold", threshold))
        yield


def norse_run(cell, probe, states, start=None, membrane="v"):
    """Steps a cell, from its own initial state or from `start(x)`."""

    def run(x):
        state = None if start is None else start(x)
        rows = []
        with norse_probe(probe):
            for t in range(T):
                out, state = cell(x[t], state)
                values = [getattr(state, s) for s in (membrane, *states)]
                rows.append((out, *(v.to(F64) for v in values)))
        names = ["spikes", "membrane", *(f"state.{s}" for s in states)]
        return {k: torch.stack(r) for k, r in zip(names, zip(*rows))}

    return run


def f64(value):
    return torch.tensor(value, dtype=F64)


def norse_lif(lib):
    import norse.torch as norse
    from norse.torch.functional.lif_box import LIFBoxParameters
    from norse.torch.functional.reset import reset_subtract, reset_value
    from norse.torch.module.lif_box import LIFBoxCell

    constants = dict(v_leak=0.0, v_th=1.0, v_reset=0.0)
    times = dict(tau_syn_inv=200.0, tau_mem_inv=100.0)
    for name, reset, extra in (
        ("value", reset_value, {}),
        ("subtract", reset_subtract, {}),
        ("value_leak", reset_value, dict(v_leak=0.2, v_reset=-0.1)),
    ):
        probe = []
        values = {**constants, "tau_mem_inv": 100.0, **extra}
        p = LIFBoxParameters(
            **{k: f64(v) for k, v in values.items()},
            method="super", alpha=100.0, reset_method=reset,
        )  # fmt: skip
        run = norse_run(LIFBoxCell(p, dt=0.001), probe, ())
        info = {"model": "LIFBoxCell", **values, "dt": 0.001, "method": "super",
                "alpha": 100.0, "reset_method": reset.__name__}  # fmt: skip
        add_neuron(lib, f"lif_box_{name}", info, run, probe, gain=15.0)

    probe, values = [], {**constants, **times}
    p = norse.LIFParameters(**{k: f64(v) for k, v in values.items()})
    run = norse_run(norse.LIFCell(p, dt=0.001), probe, ("i",))
    info = {"model": "LIFCell", **values, "dt": 0.001, "method": "super", "alpha": 100.0}
    add_neuron(lib, "lif", info, run, probe, gain=3.0)

    # Recurrent: identity input weights, fixed recurrent weights, no autapses.
    rng = lib.rng("recurrent weights")
    weights = np.round(rng.uniform(-1.5, 1.5, (N, N)) * 256) / 256
    np.fill_diagonal(weights, 0.0)
    recurrent = torch.nn.Parameter(torch.tensor(weights))
    probe = []
    cell = norse.LIFRecurrentCell(
        N, N, p=p, input_weights=torch.eye(N, dtype=F64), recurrent_weights=recurrent
    )
    run = norse_run(cell, probe, ("i",))
    info = {**info, "model": "LIFRecurrentCell", "autapses": False}
    params = {"recurrent_weights": recurrent}
    add_neuron(lib, "lif_recurrent", info, run, probe, params, gain=3.0)

    from norse.torch.functional.threshold import threshold

    def row(method, alpha, neuron_too=True):
        def runner(probe):
            p = LIFBoxParameters(
                tau_mem_inv=f64(100.0), **{k: f64(v) for k, v in constants.items()},
                method=method, alpha=alpha,
            )  # fmt: skip
            return norse_run(LIFBoxCell(p, dt=0.001), probe, ())

        info = {"function": method, "alpha": alpha}
        function = lambda x: threshold(x, method, alpha)
        return info, function, (), runner if neuron_too else None

    table = (
        row("super", 100.0),
        row("super", 10.0, False),
        row("triangle", 0.3),
        row("triangle", 1.0, False),
        row("tanh", 2.0),
        row("heavi_erfc", 2.0),
        row("circ", 0.5),
    )
    name_of = lambda info: f"{info['function']}_{info['alpha']:g}"
    add_surrogates(lib, "lif_box_value", table, name_of)


def norse_li(lib):
    import norse.torch as norse

    values = dict(tau_syn_inv=200.0, tau_mem_inv=100.0, v_leak=0.0)
    cell = norse.LICell(norse.LIParameters(**{k: f64(v) for k, v in values.items()}))
    x = np.round(lib.rng("li").uniform(-1, 2, (T, N)) * 4096) / 4096
    x = torch.tensor(x, requires_grad=True)
    state, rows = None, []
    for t in range(T):
        v, state = cell(x[t], state)
        rows.append((state.v, state.i))
    v, i = (torch.stack(r) for r in zip(*rows))
    # No spikes: L = sum(b * membrane).
    _, b = loss_weights(lib)
    (grad,) = torch.autograd.grad((b * v).sum(), x)
    info = {"kind": "neuron", "model": "LICell", **values, "dt": 0.001}
    lib.add("li", info, {"input": x, "membrane": v, "state.i": i, "grad_sm.input": grad})


def norse_lsnn(lib):
    import norse.torch as norse

    base = dict(
        tau_syn_inv=200.0, tau_mem_inv=100.0, tau_adapt_inv=1.0 / 800, v_leak=0.0,
        v_th=1.0, v_reset=0.0, beta=1.8,
    )  # fmt: skip
    fast = {**base, "tau_adapt_inv": 50.0, "beta": 0.3}
    info = {"dt": 0.001, "method": "super", "alpha": 100.0}

    def start(cls, keys):
        # The cell's own initial b is a scalar; the values are the same.
        values = dict(v=0.0, i=0.0, z=0.0, b=1.0)
        return lambda x: cls(**{k: torch.full((N,), values[k], dtype=F64) for k in keys})

    from norse.torch.functional.lsnn import LSNNFeedForwardState, LSNNState

    for case, values, gain, rate in (
        ("lsnn", base, 8.0, (0.1, 0.4)),
        ("lsnn_fast", fast, 4.0, (0.25, 0.4)),
    ):
        probe = []
        p = norse.LSNNParameters(**{k: f64(v) for k, v in values.items()})
        begin = start(LSNNFeedForwardState, ("v", "i", "b"))
        run = norse_run(norse.LSNNCell(p), probe, ("i", "b"), begin)
        add_neuron(
            lib, case, {"model": "LSNNCell", **values, **info}, run, probe, gain=gain,
            rate=rate,
        )  # fmt: skip

    rng = lib.rng("lsnn recurrent weights")
    weights = np.round(rng.uniform(-1.5, 1.5, (N, N)) * 256) / 256
    np.fill_diagonal(weights, 0.0)
    recurrent = torch.nn.Parameter(torch.tensor(weights))
    probe = []
    p = norse.LSNNParameters(**{k: f64(v) for k, v in fast.items()})
    cell = norse.LSNNRecurrentCell(
        N, N, p, input_weights=torch.eye(N, dtype=F64), recurrent_weights=recurrent
    )
    run = norse_run(cell, probe, ("i", "b"), start(LSNNState, ("z", "v", "i", "b")))
    add_neuron(
        lib, "lsnn_recurrent",
        {"model": "LSNNRecurrentCell", **fast, **info, "autapses": False}, run, probe,
        {"recurrent_weights": recurrent}, gain=4.0,
    )  # fmt: skip


def norse_izhikevich(lib):
    import norse.torch as norse
    from norse.torch.functional.izhikevich import IzhikevichState, tonic_spiking

    p = tonic_spiking.p
    v0, u0 = tonic_spiking.s.v.item(), tonic_spiking.s.u.item()
    assert (v0, u0) == (-70.0, -14.0)

    def start(x):
        return IzhikevichState(*(torch.full((N,), s, dtype=F64) for s in (v0, u0)))

    probe = []
    cell = norse.IzhikevichCell(tonic_spiking, dt=0.001)
    run = norse_run(cell, probe, ("u",), start)
    info = {"model": "IzhikevichCell", **p._asdict(), "dt": 0.001, "v0": v0, "u0": u0}
    add_neuron(lib, "izhikevich_tonic", info, run, probe, gain=250.0, offset=60.0)


def generate_norse(seed):
    from importlib.metadata import version

    lib = Vectors("norse", version("norse"), seed)
    add_common(lib)
    norse_lif(lib)
    norse_li(lib)
    norse_lsnn(lib)
    norse_izhikevich(lib)
    return lib


LIBRARIES = {
    "snntorch": generate_snntorch,
    "spikingjelly": generate_spikingjelly,
    "norse": generate_norse,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--seed", type=int, default=20240601)
    parser.add_argument("--only", choices=LIBRARIES)
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    print(f"python {platform.python_version()}, torch {torch.__version__}")
    for name, generate in LIBRARIES.items():
        if args.only in (None, name):
            lib = generate(args.seed)
            lib.table()
            lib.write(args.out / f"{name}.safetensors")


if __name__ == "__main__":
    main()
