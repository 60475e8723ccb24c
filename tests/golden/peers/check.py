#!/usr/bin/env python3
"""Recomputes every reference vector with plain numpy.

    python check.py [DIR]

The neurons below are the update equations of the libraries in the order in
which these evaluate them, each with its adjoint written by hand, so this file
says exactly what a vector means; `check_deep.py` has the networks. Both need
numpy only.
"""

import json
import math
import struct
import sys
from pathlib import Path

import check_deep
import numpy as np

TOLERANCE = 1e-11  # of float64 values, relative to max(1, |value|)
TOLERANCE_DEEP = 3e-6  # of float32 values, likewise


def load(path):
    raw = path.read_bytes()
    (size,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + size])
    meta, data, tensors = header.pop("__metadata__"), raw[8 + size :], {}
    dtypes = {"F64": "<f8", "F32": "<f4", "U8": "u1"}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        flat = np.frombuffer(data[begin:end], dtypes[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"]).astype(np.float64)
    return json.loads(meta["cases"]), tensors


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


# --------------------------------------------------------------------------
# Surrogate derivatives. x is `membrane - threshold`.
# --------------------------------------------------------------------------

SNNTORCH = {
    "atan": lambda x, k: k / 2 / (1 + (np.pi / 2 * k * x) ** 2),
    "fast_sigmoid": lambda x, k: 1 / (k * abs(x) + 1) ** 2,
    "sigmoid": lambda x, k: k * np.exp(-k * x) / (np.exp(-k * x) + 1) ** 2,
    "straight_through_estimator": lambda x: np.ones_like(x),
    "triangular": lambda x, thr: np.where(x >= 0, -thr, thr),
    "heaviside": lambda x: 1.0 * (x > 0),
    "spike_rate_escape": lambda x, beta, k: k * np.exp(-beta * abs(x - 1)),
    "SFS": lambda x, k, edge: (x > edge) / (k * abs(x) + 1) ** 2,
}


def numerical(x, a):
    with np.errstate(divide="ignore"):
        return np.minimum(np.where(x >= 0, 1.0, -1.0) / x, a)


SPIKINGJELLY = {
    "Sigmoid": lambda x, a: a * sigmoid(a * x) * (1 - sigmoid(a * x)),
    "ATan": lambda x, a: a / 2 / (1 + (np.pi / 2 * a * x) ** 2),
    "PiecewiseQuadratic": lambda x, a: np.maximum(a - a * a * abs(x), 0),
    "PiecewiseExp": lambda x, a: a / 2 * np.exp(-a * abs(x)),
    "Erf": lambda x, a: a / np.sqrt(np.pi) * np.exp(-((a * x) ** 2)),
    "SoftSign": lambda x, a: 1 / (2 * a * (1 / a + abs(x)) ** 2),
    "SuperSpike": lambda x, a: a / (1 + abs(x)) ** 2,
    "Rect": lambda x, a: a * (abs(x) < 0.5 / a),
    "LeakyKReLU": lambda x, leak, k: np.where(x >= 0, k, leak),
    "PiecewiseLeakyReLU": lambda x, w, c: np.where(abs(x) < w, 1 / (2 * w), c),
    "NonzeroSignLogAbs": lambda x, a: 1 / (1 / a + abs(x)),
    "QPseudoSpike": lambda x, a: (1 + 2 / (a - 1) * abs(x)) ** -a,
    "S2NN": lambda x, a, b: np.where(
        x < 0, a * sigmoid(a * x) * (1 - sigmoid(a * x)), b / (np.maximum(x, 0) + 1)
    ),
    "LogTailedReLU": lambda x, a: np.where(x <= 0, a, 1 / np.maximum(x, 1)),
    "FakeNumericalGradient": numerical,
    "SquarewaveFourierSeries": lambda x, n, period: sum(
        4 / period * np.cos((2 * i - 1) * 2 * np.pi / period * x) for i in range(1, int(n))
    ),
    "DeterministicPass": lambda x: np.ones_like(x),
}

ROOT_PI = float(np.sqrt(np.float32(np.pi)))  # Norse has it in float32

NORSE = {
    "super": lambda x, a: 1 / (abs(x) + 1) ** 2,  # alpha is not used
    "triangle": lambda x, a: a * np.maximum(1 - abs(x), 0),
    "tanh": lambda x, a: 1 - np.tanh(a * x) ** 2,
    "heavi_erfc": lambda x, a: 2 / ROOT_PI * np.exp(-((a * x) ** 2)),
    "circ": lambda x, a: a**3 / (a * a + x * x) ** 1.5,
}

SURROGATES = {"snntorch": SNNTORCH, "spikingjelly": SPIKINGJELLY, "norse": NORSE}


def surrogate(library, info):
    name, _, options = info["function"].rstrip(")").partition("(")
    values = [float(v) for v in options.split(",") if v]
    if library == "norse":
        values = [info["alpha"]]
    return lambda x: SURROGATES[library][name](x, *values)


# --------------------------------------------------------------------------
# Neurons: f(info, x, params, g, a, b) -> (states, gradients), where g is the
# surrogate derivative and a, b are the loss weights of spikes and membranes.
# --------------------------------------------------------------------------


def snntorch_leaky(info, x, params, g, a, b):
    """Leaky, Synaptic and RLeaky."""
    model, reset = info["model"], info["reset_mechanism"]
    beta, thr = params.get("beta", info["beta"]), params.get("threshold", 1.0)
    steps, n = x.shape
    alpha = info["alpha"] if model == "Synaptic" else 0.0
    weight = params.get("weight", np.zeros((n, n)))
    bias = params.get("bias", np.zeros(n))
    mem, spk, syn = np.zeros((3, n))
    tape, out = [], {"spikes": [], "membrane": [], "state.syn": []}
    for t in range(steps):
        r = 1.0 * (mem - thr > 0)  # from the previous membrane, detached
        syn = alpha * syn + x[t]
        current = syn + weight @ spk + bias
        if reset == "subtract":
            u = beta * mem + current - r * thr
        elif reset == "none":
            u = beta * mem + current
        elif model == "Leaky":  # zero: only the old membrane is cleared
            u = beta * (1 - r) * mem + current
        else:  # zero: the new membrane with its input is cleared
            u = (1 - r) * (beta * mem + current)
        tape.append((mem, spk, r, u))
        spk = 1.0 * (u - thr > 0)
        mem = u
        if not info["reset_delay"]:
            d = spk - r
            mem = u - d * thr if reset == "subtract" else u - d * u
        out["spikes"].append(spk)
        out["membrane"].append(mem)
        out["state.syn"].append(syn)
    out = {k: np.stack(v) for k, v in out.items()}
    if model != "Synaptic":
        del out["state.syn"]
    grads = {"input": np.zeros_like(x), "beta": 0.0, "threshold": 0.0}
    grads |= {"weight": np.zeros((n, n)), "bias": np.zeros(n)}
    gm, gs, gsyn = np.zeros((3, n))  # carried back from the next step
    for t in reversed(range(steps)):
        mem, spk, r, u = tape[t]
        s = out["spikes"][t]
        gm = gm + b[t]
        gs = gs + a[t]
        gu = gm
        if not info["reset_delay"]:  # this reset is not detached
            d = s - r
            if reset == "subtract":
                gs = gs - thr * gm
                grads["threshold"] -= (d * gm).sum()
            else:
                gs, gu = gs - u * gm, gm * (1 - d)
        gu = gu + gs * g(u - thr)
        grads["threshold"] -= (gs * g(u - thr)).sum()
        keep = keep_input = 1.0
        if reset == "subtract":
            grads["threshold"] -= (r * gu).sum()
        elif reset == "zero":
            keep = 1 - r
            keep_input = 1.0 if model == "Leaky" else keep
        gi = gu * keep_input
        gsyn = gsyn * alpha + gi
        grads["input"][t] = gsyn
        grads["weight"] += np.outer(gi, spk)
        grads["bias"] += gi
        grads["beta"] += (gu * keep * mem).sum()
        gm, gs = beta * keep * gu, weight.T @ gi
    return out, grads


def spikingjelly(info, x, params, g, a, b):
    """IFNode, LIFNode, ParametricLIFNode, QIFNode, EIFNode, IzhikevichNode."""
    model, thr, v_reset = info["model"], info["v_threshold"], info["v_reset"]
    base = 0.0 if v_reset is None else v_reset
    q = sigmoid(params["w"]) if model == "ParametricLIFNode" else 1 / info.get("tau", 1.0)
    decay = info.get("decay_input", True)
    steps, n = x.shape
    v = np.full(n, base)
    w = np.zeros(n)
    tape, out = [], {"spikes": [], "membrane": [], "state.w": []}
    for t in range(steps):
        if model == "IFNode":
            h, slope, by_q = v + x[t], 1.0, 0.0
        elif model in ("LIFNode", "ParametricLIFNode"):
            f = x[t] - (v - base) if decay else -(v - base)
            h = v + f * q if decay else v + f * q + x[t]
            slope, by_q = 1 - q, f
        elif model == "EIFNode":
            e = np.exp((v - info["theta_rh"]) / info["delta_T"])
            h = v + (x[t] + info["v_rest"] - v + info["delta_T"] * e) * q
            slope, by_q = 1 + (e - 1) * q, 0.0
        else:
            rest, c, a0 = info["v_rest"], info["v_c"], info["a0"]
            h = v + (x[t] + a0 * (v - rest) * (v - c) - w) * q
            slope, by_q = 1 + a0 * (2 * v - rest - c) * q, 0.0
        s = 1.0 * (h - thr >= 0)
        if model == "IzhikevichNode":  # from h, before the reset of v
            w = w + (info["a"] * (h - info["v_rest"]) - w) / info["tau_w"] + info["b"] * s
        v = h - s * thr if v_reset is None else s * v_reset + (1 - s) * h
        tape.append((h, slope, by_q))
        for k, value in (("spikes", s), ("membrane", v), ("state.w", w)):
            out[k].append(value)
    out = {k: np.stack(o) for k, o in out.items()}
    if model != "IzhikevichNode":
        del out["state.w"]
    grads = {"input": np.zeros_like(x), "w": 0.0}
    gv = gw = np.zeros(n)
    for t in reversed(range(steps)):
        h, slope, by_q = tape[t]
        s, sg = out["spikes"][t], g(h - thr)
        gs, gv = a[t], gv + b[t]
        if not info["detach_reset"]:
            gs = gs + gv * (-thr if v_reset is None else v_reset - h)
        gh = gv * (1.0 if v_reset is None else 1 - s)
        if model == "IzhikevichNode":  # never detached
            gs = gs + info["b"] * gw
            gh = gh + gw * info["a"] / info["tau_w"]
        gh = gh + gs * sg
        grads["input"][t] = gh * q if decay and model != "IFNode" else gh
        grads["w"] += (gh * by_q).sum() * q * (1 - q)
        if model == "IzhikevichNode":
            gw = gw * (1 - 1 / info["tau_w"]) - gh * q
        gv = gh * slope
    return out, grads


def norse_lif(info, x, params, g, a, b):
    """LIFBoxCell, LIFCell, LIFRecurrentCell and LICell."""
    model = info["model"]
    box, fires = model == "LIFBoxCell", model != "LICell"
    k = info["dt"] * info["tau_mem_inv"]
    keep_i = 0.0 if box else 1 - info["dt"] * info["tau_syn_inv"]
    thr = info["v_th"] if fires else math.inf
    v_reset = info["v_reset"] if fires else 0.0
    subtract = info.get("reset_method") == "reset_subtract"
    detached = model == "LIFRecurrentCell"
    steps, n = x.shape
    weights = params.get("recurrent_weights", np.zeros((n, n)))
    v, i, z = np.full(n, info["v_leak"]), np.zeros(n), np.zeros(n)
    tape, out = [], {"spikes": [], "membrane": [], "state.i": []}
    for t in range(steps):
        jump = i + x[t] + weights @ z  # the input acts on v in the same step
        u = v + k * (info["v_leak"] - v + jump)
        i = keep_i * jump
        tape.append((u, z))
        z = 1.0 * (u - thr > 0)
        v = (1 - z) * u + z * (u - thr if subtract else v_reset) if fires else u
        for name, value in (("spikes", z), ("membrane", v), ("state.i", i)):
            out[name].append(value)
    out = {name: np.stack(o) for name, o in out.items()}
    if box:
        del out["state.i"]
    if not fires:
        del out["spikes"]
    grads = {"input": np.zeros_like(x), "recurrent_weights": np.zeros((n, n))}
    gv = gi = gz = np.zeros(n)
    for t in reversed(range(steps)):
        u, z_old = tape[t]
        gv = gv + b[t]
        gu = gv
        if fires:
            z = out["spikes"][t]
            gz = gz + a[t]
            if not detached:
                gz = gz + gv * (-thr if subtract else v_reset - u)
            gu = gv * (1.0 if subtract else 1 - z) + gz * g(u - thr)
        gjump = k * gu + keep_i * gi
        grads["input"][t] = gjump
        grads["recurrent_weights"] += np.outer(gjump, z_old)
        gv, gi, gz = (1 - k) * gu, gjump, weights.T @ gjump
    np.fill_diagonal(grads["recurrent_weights"], 0)  # autapses=False
    return out, grads


def norse_lsnn(info, x, params, g, a, b):
    """LSNNCell and LSNNRecurrentCell."""
    k, keep_i = info["dt"] * info["tau_mem_inv"], 1 - info["dt"] * info["tau_syn_inv"]
    kb = info["dt"] * info["tau_adapt_inv"]
    detached = info["model"] == "LSNNRecurrentCell"
    steps, n = x.shape
    weights = params.get("recurrent_weights", np.zeros((n, n)))
    v, i, z, adapt = np.zeros(n), np.zeros(n), np.zeros(n), np.full(n, info["v_th"])
    tape, out = [], {"spikes": [], "membrane": [], "state.i": [], "state.b": []}
    for t in range(steps):
        u = v + k * (info["v_leak"] - v + i)  # the current of the previous step
        decayed = adapt + kb * (info["v_th"] - adapt)  # adapt is the whole threshold
        i = keep_i * i + x[t] + weights @ z
        tape.append((u, decayed, z))
        z = 1.0 * (u - decayed > 0)
        v = (1 - z) * u + z * info["v_reset"]
        adapt = decayed + info["beta"] * z
        for name, value in zip(out, (z, v, i, adapt)):
            out[name].append(value)
    out = {name: np.stack(o) for name, o in out.items()}
    grads = {"input": np.zeros_like(x), "recurrent_weights": np.zeros((n, n))}
    gv = gi = gz = gb = np.zeros(n)
    for t in reversed(range(steps)):
        u, decayed, z_old = tape[t]
        z = out["spikes"][t]
        gv, gz = gv + b[t], gz + a[t]
        if not detached:
            gz = gz + gv * (info["v_reset"] - u) + gb * info["beta"]
        sg = gz * g(u - decayed)
        gu = gv * (1 - z) + sg
        gb = (gb - sg) * (1 - kb)
        grads["input"][t] = gi
        grads["recurrent_weights"] += np.outer(gi, z_old)
        gz = weights.T @ gi
        gv, gi = (1 - k) * gu, keep_i * gi + k * gu
    np.fill_diagonal(grads["recurrent_weights"], 0)
    return out, grads


def norse_izhikevich(info, x, params, g, a, b):
    k, thr = info["tau_inv"] * info["dt"], info["v_th"]
    steps, n = x.shape
    v, u = np.full(n, info["v0"]), np.full(n, info["u0"])
    tape, out = [], {"spikes": [], "membrane": [], "state.u": []}
    for t in range(steps):
        h = v + k * (info["sq"] * v**2 + info["mn"] * v + info["bias"] - u + x[t])
        tape.append((v, h))
        u = u + k * info["a"] * (info["b"] * v - u)  # both from the old v and u
        z = 1.0 * (h - thr > 0)
        v = (1 - z) * h + z * info["c"]
        u = u + z * info["d"]
        for name, value in zip(out, (z, v, u)):
            out[name].append(value)
    out = {name: np.stack(o) for name, o in out.items()}
    grads = {"input": np.zeros_like(x)}
    gv = gu = np.zeros(n)
    for t in reversed(range(steps)):
        v, h = tape[t]
        z = out["spikes"][t]
        gv = gv + b[t]
        gz = a[t] + gv * (info["c"] - h) + gu * info["d"]
        gh = gv * (1 - z) + gz * g(h - thr)
        grads["input"][t] = k * gh
        gv = gh * (1 + k * (2 * info["sq"] * v + info["mn"])) + gu * k * info["a"] * info["b"]
        gu = gu * (1 - k * info["a"]) - k * gh
    return out, grads


MODELS = {
    **dict.fromkeys(("Leaky", "Synaptic", "RLeaky"), snntorch_leaky),
    **dict.fromkeys(("IFNode", "LIFNode", "ParametricLIFNode"), spikingjelly),
    **dict.fromkeys(("QIFNode", "EIFNode", "IzhikevichNode"), spikingjelly),
    **dict.fromkeys(("LIFBoxCell", "LIFCell", "LIFRecurrentCell", "LICell"), norse_lif),
    **dict.fromkeys(("LSNNCell", "LSNNRecurrentCell"), norse_lsnn),
    "IzhikevichCell": norse_izhikevich,
}


# --------------------------------------------------------------------------
# Losses: (value, gradient) of data [T, N, K]
# --------------------------------------------------------------------------


def cross_entropy(x, targets):
    """The mean over all but the last axis, and its gradient."""
    p = softmax(x)
    hot = np.broadcast_to(np.eye(x.shape[-1])[targets], x.shape)
    count = x[..., 0].size
    return -(hot * np.log(p)).sum() / count, (p - hot) / count


def loss(info, x):
    name, targets = info["function"], info["targets"]
    steps, _, classes = x.shape
    hot = np.eye(classes)[targets]
    if name.startswith("ce_rate") or name.startswith("temporal_efficient"):
        return cross_entropy(x, targets)  # of every step on its own
    if name == "ce_count_loss":
        value, grad = cross_entropy(x.sum(0), targets)  # not divided by T
        return value, np.broadcast_to(grad, x.shape)
    if name == "ce_max_membrane_loss":
        value, grad = cross_entropy(x.max(0), targets)
        return value, grad * (np.arange(steps)[:, None, None] == x.argmax(0))
    if name == "mse_count_loss":
        on, off = int(steps * info["correct_rate"]), int(steps * info["incorrect_rate"])
        error = x.sum(0) - np.maximum(hot * on, off)
        value = (error**2).mean() / steps
        return value, np.broadcast_to(2 * error / error.size / steps, x.shape)
    # mse_membrane_loss
    error = x - np.maximum(hot * info["on_target"], info["off_target"])
    return (error**2).mean(), 2 * error / error.size


# --------------------------------------------------------------------------
# Encoders, in float32 as in the libraries
# --------------------------------------------------------------------------


def one_hot_time(times, steps):
    """[..] of whole spike times to [steps, ..]; times past the end are dropped."""
    return 1.0 * (np.arange(steps).reshape(-1, *[1] * times.ndim) == times)


def encoder(info, tensors):
    x = tensors["input"].astype(np.float32)
    name = info["function"]
    if name == "latency":
        steps, threshold = info["num_steps"], info.get("threshold", 0.01)
        tau, first = info.get("tau", 1), info.get("first_spike_time", 0)
        if info.get("linear"):
            if info.get("normalize"):
                tau = steps - 1 - first
            times = np.minimum(tau * (1 - x), tau * (1 - threshold)) + first
        else:
            data = np.maximum(x, np.float32(threshold + 1e-7))
            times = tau * np.log(data / (data - np.float32(threshold)))
            if info.get("normalize"):
                times = times * (steps - first - 1) / times.max()
            times = times + first
        assert np.abs(times - tensors["times"]).max() < 2e-5
        output = one_hot_time(np.round(times), steps)  # half to even
        return output * ~(x < np.float32(threshold)) if info.get("clip") else output
    if name == "delta":
        before = np.concatenate([x[:1] if info["padding"] else 0 * x[:1], x[:-1]])
        output = 1.0 * (x - before >= np.float32(info["threshold"]))
        if info["off_spike"]:
            output -= x - before <= -np.float32(info["threshold"])
        return output
    if name == "LatencyEncoder":
        last = info["T"] - 1
        if info["enc_function"] == "log":
            times = last - np.log((math.exp(last) - 1) * x + 1)
        else:
            times = last * (1 - x)
        return one_hot_time(np.round(times), info["T"])
    if name == "WeightedPhaseEncoder":
        rest, output = x.copy(), []
        for k in range(info["K"]):
            output.append(1.0 * (rest >= 0.5 ** (k + 1)))
            rest = rest - output[-1] * 0.5 ** (k + 1)
        return np.stack(output)
    # PopSpikeEncoderDeterministic
    mean = np.linspace(*info["mean_range"], info["pop_dim"], dtype=np.float32)
    activity = np.exp(-0.5 * ((x[:, :, None] - mean) / np.float32(info["std"])) ** 2)
    activity = activity.reshape(len(x), -1)
    assert np.abs(activity - tensors["activity"]).max() < 1e-6
    v, output = np.zeros_like(activity), []
    for _ in range(info["spike_ts"]):
        v = v + activity
        output.append(1.0 * (v >= np.float32(info["v_threshold"])))
        v = v - output[-1] * np.float32(info["v_threshold"])  # soft reset
    return np.stack(output)


# --------------------------------------------------------------------------


def error_of(got, want):
    got, want = np.broadcast_arrays(got, want)
    return (np.abs(got - want) / np.maximum(1, np.abs(want))).max()


def tensors_of(all_tensors, case):
    return {k.partition("/")[2]: v for k, v in all_tensors.items() if k.startswith(case + "/")}


def check(library, path):
    cases, all_tensors = load(path)
    worst, checked = 0.0, 0
    a, b = all_tensors["common/a"], all_tensors["common/b"]

    def of(case):
        return tensors_of(all_tensors, case)

    def neuron(info, tensors, forward, function):
        results, x = {}, forward["input"]
        params = {k[6:]: v for k, v in tensors.items() if k.startswith("param.")}
        for key, weight in (("s", 0.0), ("sm", 1.0)):
            # A layer without spikes has no first term in its loss.
            out, grads = MODELS[info["model"]](info, x, params, function, a, weight * b)
            results |= {f"grad_{key}.{k}": v for k, v in grads.items()}
        return results | out

    default = {"snntorch": "atan(2)", "spikingjelly": "Sigmoid(4)", "norse": "super"}
    for case, info in cases.items():
        tensors, results = of(case), {}
        if info["kind"] == "neuron":
            function = surrogate(library, {"function": default[library], "alpha": 100.0})
            forward = of(info["forward"]) if "forward" in info else tensors
            results = neuron(info, tensors, forward, function)
        elif info["kind"] == "surrogate":
            function = surrogate(library, info)
            results["slope"] = function(all_tensors["common/x"])
            if "neuron" in info:
                forward = of(info["neuron"])
                results |= neuron(cases[info["neuron"]], {}, forward, function)
        elif info["kind"] == "loss":
            results["loss"], results["grad"] = loss(info, tensors["data"])
        elif info["kind"] == "encoder":
            results["output"] = encoder(info, tensors)
        for name, want in tensors.items():
            given = ("input", "data", "times", "activity")
            if name in given or name.startswith("param.") or info["kind"] == "common":
                continue
            if name in ("spikes", "output"):
                assert np.array_equal(results[name], want), (library, case, name)
            error = error_of(results[name], want)
            assert error < TOLERANCE, (library, case, name, error)
            worst, checked = max(worst, error), checked + 1
    print(f"{library}: {len(cases)} cases, {checked} tensors, largest error {worst:.1e}")


def check_networks(path):
    """The networks, which were computed in float32."""
    cases, all_tensors = load(path)
    worst, checked = 0.0, 0
    for case, info in cases.items():
        tensors = tensors_of(all_tensors, case)
        results = check_deep.results(case, info, tensors)
        given = {k for k in tensors if k.startswith("param.") or k.split(".")[-1] in ("input", "r")}
        assert tensors.keys() - given == results.keys(), (case, tensors.keys() ^ results.keys())
        for name, got in results.items():
            want = tensors[name]
            assert got.shape == want.shape, (case, name, got.shape, want.shape)
            if "spikes." in name or name in ("pooled", "out"):
                assert np.array_equal(got, want), (case, name)
            error = error_of(got, want)
            assert error < TOLERANCE_DEEP, (case, name, error)
            worst, checked = max(worst, error), checked + 1
    print(f"deep: {len(cases)} cases, {checked} tensors, largest error {worst:.1e}")


def main():
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    for library in SURROGATES:
        check(library, folder / f"{library}.safetensors")
    check_networks(folder / "deep.safetensors")


if __name__ == "__main__":
    main()
