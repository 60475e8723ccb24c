"""Compares the results that programs wrote for one case; the first file is the reference.

For output, loss and gradients: max |difference| / max |reference| of each tensor, which must not pass the tolerance.
For spike counts: how many neurons differ (`count`), or by how many spikes a layer differs (`fired`). A spike count differs where two programs round a membrane to different sides of its
threshold; the gradients of such a pair may then differ by more than rounding.
"""

import argparse
import sys

from safetensors.torch import load_file


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference")
    parser.add_argument("others", nargs="+")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    args = parser.parse_args()

    reference = load_file(args.reference)
    others = [load_file(path) for path in args.others]
    failures = []
    rows = []

    checked = [name for name in reference if name in ("output", "loss") or name.startswith("grad.")]
    for name in sorted(checked, key=lambda name: (name.startswith("grad."), name)):
        scale = reference[name].abs().max().item()
        row = [name, f"{scale:.3e}"]
        if scale == 0.0:
            failures.append(f"{name} is zero in the reference, so it tells nothing")
        for path, other in zip(args.others, others):
            if name not in other:
                row.append("missing")
                failures.append(f"{name} is missing in {path}")
                continue
            found = other[name].reshape(reference[name].shape)
            difference = (found.double() - reference[name].double()).abs().max().item()
            relative = difference / scale if scale > 0.0 else difference
            row.append(f"{relative:.1e}")
            if not relative <= args.tolerance:
                failures.append(f"{name}: {relative:.1e} in {path}, more than {args.tolerance:.0e}")
        rows.append(row)
    for name in sorted(name for name in reference if name.startswith(("count.", "fired."))):
        if name.startswith("fired.") and all(name.replace("fired.", "count.") in other for other in others):
            continue  # the counts of the single neurons tell more
        row = [name, f"{int(reference[name].double().sum())} spikes"]
        for other in others:
            if name not in other:
                row.append("-")
                continue
            difference = other[name].reshape(reference[name].shape).double() - reference[name].double()
            if name.startswith("count."):
                row.append(f"{int((difference != 0).sum())} of {difference.numel()} differ")
            else:
                row.append(f"{int(difference.sum()):+d}")
        rows.append(row)

    rows.insert(0, ["tensor", "largest", *args.others])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))))
    for failure in failures:
        print(f"FAILED: {failure}")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
