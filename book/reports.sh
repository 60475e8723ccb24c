#!/usr/bin/env bash
# Writes the pages in book/src/reports again, from finished runs: what `snn curves` and `snn activity` make of them.
#
#   book/reports.sh mnist-lenet runs/mnist-lenet-1 runs/mnist-lenet-ann-1/converted-*.safetensors
#   SNN_DATA=/data book/reports.sh cifar10-vgg9 runs/cifar10-vgg9-fast-1
#
# The first argument is the name of the pages; further ones after the run are networks to compare it with.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
name="${1:?give the name of the pages, then the folder of a run}"
run="${2:?give the folder of a run}"
shift 2
compared=()
for network in "$@"; do
    compared+=(--compare "$network")
done
snn="${SNN:-cargo run --release --quiet --manifest-path $here/../Cargo.toml --}"
$snn curves "$run" --html "$here/src/reports/$name-curves.html"
$snn activity "$run" --limit 2000 "${compared[@]}" --html "$here/src/reports/$name-activity.html"
echo "the pictures beside them are what a browser shows of these pages, 1,600 pixels wide"
