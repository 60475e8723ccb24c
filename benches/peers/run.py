#!/usr/bin/env python3
"""Compares this project with the two PyTorch programs: first their gradients, then time and peak memory.

All three get the same networks, initial weights, images, batch, time steps and threads. They run in turn, each in a
process of its own, round after round, so that a change in the machine's load meets all of them.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MNIST = os.path.join(ROOT, "data", "mnist", "t10k-images-idx3-ubyte.gz")
CIFAR10 = os.path.join(HERE, "cifar10_first16.bin")
PROGRAMS = ["snn", "authors", "folded"]
BATCH = {"lenet": 64, "vgg9": 16}
CHECK_BATCH = {"lenet": 16, "vgg9": 4}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--net", choices=["lenet", "vgg9", "both"], default="both")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each program (default: %(default)s)")
    parser.add_argument("--repeat", type=int, default=3, help="timed steps of a run (default: %(default)s)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="default: %(default)s, one a core")
    parser.add_argument("--steps", type=int, default=100, help="time steps T (default: %(default)s)")
    parser.add_argument("--batch", type=int, help="default: 64 for lenet, 16 for vgg9")
    parser.add_argument("--infer", action="store_true", help="time inference instead of training")
    parser.add_argument("--images", help="default: MNIST and CIFAR-10 test images of this repository")
    parser.add_argument("--no-check", action="store_true", help="time only")
    parser.add_argument("--check-only", action="store_true", help="compare gradients only")
    parser.add_argument("--binary", help="training_step to run (default: build it)")
    parser.add_argument("--lines", help="file to which every run's JSON line is appended")
    args = parser.parse_args()

    binary = args.binary or build()
    commands = {
        "snn": [binary],
        "authors": [sys.executable, os.path.join(HERE, "authors.py")],
        "folded": [sys.executable, os.path.join(HERE, "folded.py")],
    }
    nets = ["lenet", "vgg9"] if args.net == "both" else [args.net]
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.5 and not args.check_only:
        print(f"The load average is {os.getloadavg()[0]:.2f}: these times tell little. PyTorch's threads wait for each "
              "other by spinning,\nand other programs on the same cores can slow them tenfold. Wait until the machine is "
              "idle.\n", flush=True)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        for net in nets:
            images = ["--images", path] if (path := image_file(args, net)) else []
            case = os.path.join(folder, f"{net}.safetensors")
            make_case(net, args, images, case)
            if not args.no_check and not check(net, args, commands, case, folder):
                sys.exit(1)
            if not args.check_only:
                measure(net, args, commands, images, case)


def build():
    """Builds training_step and returns its path."""
    command = ["cargo", "bench", "--no-run", "--bench", "training_step", "--message-format", "json-render-diagnostics"]
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        sys.exit("cargo could not build the benchmark training_step")
    messages = [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]
    paths = [m["executable"] for m in messages if m.get("executable") and m["target"]["name"] == "training_step"]
    return paths[-1]


def image_file(args, net):
    path = args.images or {"lenet": MNIST, "vgg9": CIFAR10}[net]
    if os.path.exists(path):
        return path
    print(f"{path} is missing: random images instead, drawn by each program for itself", flush=True)
    return None


def call(command):
    """Runs a program and returns the JSON line that it prints."""
    result = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if result.returncode != 0:
        sys.exit(f"failed: {' '.join(command)}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def make_case(net, args, images, case):
    batch = args.batch or CHECK_BATCH[net]
    command = [sys.executable, os.path.join(HERE, "make_case.py"), case, "--net", net, "--steps", str(args.steps)]
    subprocess.run([*command, "--batch", str(min(batch, CHECK_BATCH[net])), *images], check=True)


def check(net, args, commands, case, folder):
    """Gradients of all three programs for one case; the authors' way is the reference."""
    print(f"{net}: gradients of one case, T = {args.steps}; max |difference| / max |reference|\n", flush=True)
    files = {}
    for program, command in commands.items():
        files[program] = os.path.join(folder, program)
        extra = ["--counts"] if program == "snn" else []
        call([*command, "--net", net, "--threads", str(args.threads), "--case", case, "--gradients", files[program], *extra])
    compare = [sys.executable, os.path.join(HERE, "compare.py"), "authors", "snn", "folded"]
    agreed = subprocess.run(compare, cwd=folder).returncode == 0
    print(flush=True)
    return agreed


def measure(net, args, commands, images, case):
    batch = args.batch or BATCH[net]
    what = "inference" if args.infer else "training step"
    print(f"{net}: {what}, T = {args.steps}, batch {batch}, {args.threads} threads, "
          f"{args.rounds} x {args.repeat} timed\n", flush=True)  # fmt: skip
    common = [
        "--net", net, "--steps", str(args.steps), "--batch", str(batch), "--threads", str(args.threads),
        "--repeat", str(args.repeat), "--weights", case, *images, *(["--infer"] if args.infer else []),
    ]  # fmt: skip
    lines = {program: [] for program in PROGRAMS}
    for _ in range(args.rounds):
        for program in PROGRAMS:
            line = call([*commands[program], *common])
            lines[program].append(line)
            if args.lines:
                with open(args.lines, "a") as file:
                    file.write(json.dumps(line) + "\n")

    rows = [["program", "s median", "min", "max", "x", "peak MB", "x", "above start MB", "x"]]
    ours = None
    for program in PROGRAMS:
        seconds = [s for line in lines[program] for s in line["seconds"]]
        row = [statistics.median(seconds), min(seconds), max(seconds)]
        peak = max((line["peak_mb"] or 0.0) for line in lines[program])
        above = max((line["peak_mb"] or 0.0) - (line["base_mb"] or 0.0) for line in lines[program])
        ours = ours or (row[0], peak, above)
        ratios = [f"{theirs / own:.1f}" if own else "-" for theirs, own in zip((row[0], peak, above), ours)]
        rows.append([
            program, *(f"{s:.3f}" for s in row), ratios[0], f"{peak:,.0f}", ratios[1], f"{above:,.0f}", ratios[2],
        ])  # fmt: skip
    table(rows)
    names = list(lines["folded"][0]["densities"])
    rows = [["spikes per neuron and step", *names]]
    for program in PROGRAMS:
        densities = lines[program][0]["densities"]
        rows.append([program, *(f"{densities[name]:.4f}" for name in names)])
    table(rows)


def table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))))
    print(flush=True)


if __name__ == "__main__":
    main()
