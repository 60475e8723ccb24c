"""The networks of `deep.py` in plain numpy and float64, for `check.py`.

A layer is a function that returns what it computes and its adjoint, written by
hand: a function that takes the gradient of the loss by the layer's output and
returns that by its input. Adjoints of layers with parameters add to `grads`.
"""

import numpy as np

# --------------------------------------------------------------------------
# Layers. Images are `[T, N, C, H, W]`; all but neurons and norms work on each
# image by itself.
# --------------------------------------------------------------------------


def conv(name, options, params, grads, x):
    """Cross-correlation with zero padding; weight `[O, C / groups, kh, kw]`."""
    weight, bias = params[f"{name}.weight"], params.get(f"{name}.bias")
    p, d, groups = (options.get(k, v) for k, v in (("padding", 0), ("dilation", 1), ("groups", 1)))
    steps, n, c, h, w = x.shape
    o, _, kh, kw = weight.shape
    # Cut channels into groups: an output sees the channels of its group.
    weight = weight.reshape(groups, o // groups, c // groups, kh, kw)
    padded = np.zeros((steps, n, groups, c // groups, h + 2 * p, w + 2 * p))
    padded[..., p : p + h, p : p + w] = x.reshape(steps, n, groups, c // groups, h, w)
    rows, columns = h + 2 * p - d * (kh - 1), w + 2 * p - d * (kw - 1)

    def seen(i, j):
        """Indices of what outputs see through the weight in row i, column j."""
        return (..., slice(i * d, i * d + rows), slice(j * d, j * d + columns))

    places = [(i, j) for i in range(kh) for j in range(kw)]
    through = [("tngchw,goc->tngohw", padded[seen(i, j)], weight[..., i, j]) for i, j in places]
    y = sum(np.einsum(*terms) for terms in through)
    y = y.reshape(steps, n, o, rows, columns)
    if bias is not None:
        y = y + bias[:, None, None]

    def adjoint(gy):
        if bias is not None:
            grads[f"{name}.bias"] = gy.sum((0, 1, 3, 4))
        gy = gy.reshape(steps, n, groups, o // groups, rows, columns)
        gw, gx = np.zeros_like(weight), np.zeros_like(padded)
        for i, j in places:
            gw[..., i, j] = np.einsum("tngchw,tngohw->goc", padded[seen(i, j)], gy)
            gx[seen(i, j)] += np.einsum("tngohw,goc->tngchw", gy, weight[..., i, j])
        grads[f"{name}.weight"] = gw.reshape(params[f"{name}.weight"].shape)
        return gx[..., p : p + h, p : p + w].reshape(x.shape)

    return y, adjoint


def lif(info, found, place, name, current):
    """LIFNode whose input does not decay, with a reset that is subtracted from
    the membrane and through which no gradient flows."""
    keep, threshold = 1 - 1 / info["tau"], info["v_threshold"]
    assert info["detach_reset"] and not info["decay_input"] and info["v_reset"] is None
    v, above, spikes = np.zeros(current.shape[1:]), [], []
    for x in current:
        h = keep * v + x
        s = 1.0 * (h >= threshold)
        v = h - s * threshold
        above.append(h - threshold)
        spikes.append(s)
    spikes = np.stack(spikes)
    found |= {f"{place}current.{name}": current, f"{place}spikes.{name}": spikes}

    def adjoint(gs):
        gx, carried = np.zeros_like(gs), 0.0
        for t in reversed(range(len(gs))):
            slope = 1 / (1 + (np.pi * above[t]) ** 2)  # ATan(2)
            gx[t] = gs[t] * slope + carried
            carried = keep * gx[t]
        return gx

    return spikes, adjoint


def linear(params, grads, x):
    """The readout: of each step, all features in the order C, H, W."""
    weight, flat = params["linear.weight"], x.reshape(*x.shape[:2], -1)

    def adjoint(gy):
        grads["linear.weight"] = np.einsum("tnk,tnf->kf", gy, flat)
        return (gy @ weight).reshape(x.shape)

    return flat @ weight.T, adjoint


def windows(x):
    """`[T, N, C, H/2, W/2, 4]`: windows of 2 x 2, each in row-major order."""
    *outer, h, w = (*x.shape[:-2], x.shape[-2] // 2, x.shape[-1] // 2)
    return x.reshape(*outer, h, 2, w, 2).swapaxes(-3, -2).reshape(*outer, h, w, 4)


def unwindows(x):
    *outer, h, w, _ = x.shape
    return x.reshape(*outer, h, w, 2, 2).swapaxes(-3, -2).reshape(*outer, 2 * h, 2 * w)


def max_pool(x):
    """Of several largest values, the first of the window gets the gradient."""
    first = np.arange(4) == windows(x).argmax(-1)[..., None]
    return windows(x).max(-1), lambda gy: unwindows(first * gy[..., None])


def avg_pool(x):
    return windows(x).mean(-1), lambda gy: unwindows(np.repeat(gy[..., None] / 4, 4, -1))


def batch_norm(info, params, grads, running, x):
    """Statistics of each channel over samples, steps, rows and columns.

    `running` is updated in place; in an evaluation it is used instead, and
    `grads` is None.
    """
    axes, shape = (0, 1, 3, 4), (-1, 1, 1)
    scale, shift = (params[f"norm.{k}"].reshape(shape) for k in ("scale", "shift"))
    if grads is None:
        mean, var = running["mean"].reshape(shape), running["var"].reshape(shape)
        return scale * (x - mean) / np.sqrt(var + info["eps"]) + shift, None
    count, m = x[:, :, 0].size, info["momentum"]
    mean, var = x.mean(axes), x.var(axes)  # the biased variance
    running["mean"] = (1 - m) * running["mean"] + m * mean
    running["var"] = (1 - m) * running["var"] + m * var * count / (count - 1)  # the unbiased one
    deviation = np.sqrt(var.reshape(shape) + info["eps"])
    normal = (x - mean.reshape(shape)) / deviation

    def adjoint(gy):
        grads["norm.scale"], grads["norm.shift"] = (gy * normal).sum(axes), gy.sum(axes)
        g = gy * scale
        by_mean = g.mean(axes).reshape(shape)
        by_var = (g * normal).mean(axes).reshape(shape)
        return (g - by_mean - normal * by_var) / deviation

    return scale * normal + shift, adjoint


# --------------------------------------------------------------------------
# Networks
# --------------------------------------------------------------------------


class Run:
    """The layers, as methods that know where parameters and results are."""

    def __init__(self, info, tensors):
        self.info, self.tensors = info, tensors
        self.params = {k[6:]: v for k, v in tensors.items() if k.startswith("param.")}
        self.grads, self.found = {}, {}
        self.place = ""  # of results in `found`

    def conv(self, name, x):
        return conv(name, self.info["convs"][name], self.params, self.grads, x)

    def lif(self, name, current):
        return lif(self.info, self.found, self.place, name, current)

    def finish(self, x):
        """Readout and loss; the gradient of the loss by what is read."""
        output, back = linear(self.params, self.grads, x)
        self.found[self.place + "output"] = output
        r = self.tensors.get(self.place + "r")
        if r is None:
            return None
        self.found[self.place + "loss"] = (r * output).sum().reshape(1)
        return back(r)

    def results(self):
        return self.found | {f"{self.place}grad.{k}": g for k, g in self.grads.items()}


def sew(run, connect):
    x, back_x = run.lif("x", (c0 := run.conv("conv0", run.tensors["input"]))[0])
    a, back_a = run.lif("a", (c1 := run.conv("conv1", x))[0])
    b, back_b = run.lif("b", (c2 := run.conv("conv2", a))[0])
    out = {"add": b + x, "and": b * x, "iand": (1 - b) * x}[connect]
    run.found["out"] = out
    g = run.finish(out)
    gb = g * {"add": 1, "and": x, "iand": -x}[connect]
    gx = g * {"add": 1, "and": b, "iand": 1 - b}[connect]
    gx = gx + c1[1](back_a(c2[1](back_b(gb))))
    c0[1](back_x(gx))


def membrane_shortcut(run):
    u0, back_0 = run.conv("conv0", run.tensors["input"])
    s1, back_s1 = run.lif("s1", u0)
    y, back_1 = run.conv("conv1", s1)
    u1 = u0 + y
    s2, back_s2 = run.lif("s2", u1)
    y, back_2 = run.conv("conv2", s2)
    u2 = u1 + y
    s3, back_s3 = run.lif("s3", u2)
    g2 = back_s3(run.finish(s3))
    g1 = g2 + back_s2(back_2(g2))
    g0 = g1 + back_s1(back_1(g1))
    back_0(g0)


def chain(run, *layers):
    """One layer after the other."""
    x, backs = run.tensors["input"], []
    for each in layers:
        x, back = each(x)
        backs.append(back)
    g = run.finish(x)
    for back in reversed(backs):
        g = back(g)


def kept(run, name):
    """What goes through is a result."""

    def layer(x):
        run.found[name] = x
        return x, lambda g: g

    return layer


def trained(run):
    """Updates by gradient descent, then an evaluation."""
    running = {"mean": np.zeros(3), "var": np.ones(3)}
    places, all_results = [f"update{i}." for i in range(run.info["updates"])], {}
    for place in [*places, "eval."]:
        run.place, run.grads = place, {}
        y, back_conv = run.conv("conv", run.tensors[place + "input"])
        grads = run.grads if place != "eval." else None
        y, back_norm = batch_norm(run.info, run.params, grads, running, y)
        s, back_lif = run.lif("s", y)
        g = run.finish(s)
        if grads is not None:
            back_conv(back_norm(back_lif(g)))
            for name, grad in grads.items():
                run.params[name] = run.params[name] - run.info["lr"] * grad
                run.found[f"{place}param.{name}"] = run.params[name]
            run.found |= {f"{place}running_{k}": v for k, v in running.items()}
        all_results |= run.results()
    return all_results


def results(case, info, tensors):
    """All that the case has to have, by name."""
    run = Run(info, tensors)
    conv1, conv2 = (lambda x, name=name: run.conv(name, x) for name in ("conv1", "conv2"))
    s1, s2 = (lambda x, name=name: run.lif(name, x) for name in ("s1", "s2"))
    match case:
        case "batch_norm":
            return trained(run)
        case "sew_add" | "sew_and" | "sew_iand":
            sew(run, case.removeprefix("sew_"))
        case "membrane_shortcut":
            membrane_shortcut(run)
        case "max_pool":
            chain(run, conv1, s1, max_pool, kept(run, "pooled"), conv2, s2)
        case "max_pool_current":
            chain(run, conv1, kept(run, "unpooled"), max_pool, s1)
        case "avg_pool_current":
            chain(run, conv1, kept(run, "unpooled"), avg_pool, s1)
        case "depthwise":
            chain(run, conv1, s1, conv2, s2)
    return run.results()
