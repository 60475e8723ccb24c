#!/usr/bin/env bash
# Kills a training run again and again, with SIGKILL and at random moments, resumes it each time, and asserts that it
# ends with the same checkpoints, byte for byte, as a run that was left alone. tests/resume.rs is the short form of it.
#
#   benches/kill_and_resume.sh [KILLS]          20 if not given; one to three minutes
#
# The moments are random times after each start, up to what it takes to start and to learn two epochs (a run goes on from
# its last checkpoint, and there is one at the end of each epoch). A run that ends before its kill comes is compared and
# followed by a new one, so that there are KILLS kills in any case. Only the first start of a run is let write its
# experiment: before it there is nothing to go on with.
#
# Environment:
#   SNN     the program                         default: target/release/snn, built if need be
#   ARGS    arguments of the run                default: 20 epochs of 1,000 images, 20 steps
#   SEED    of the random moments               default: 1
# Exit code: 0 if all bytes are equal, 1 if not.
set -euo pipefail
cd "$(dirname "$0")/.."

kills=${1:-20}
if ! [[ $kills =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: $0 [KILLS]    (a whole number of at least 1, found $kills)" >&2
    exit 2
fi
args=${ARGS:---limit 1000 --epochs 20 --batch 50 --steps 20}
RANDOM=${SEED:-1}
if [ -z "${SNN:-}" ]; then
    cargo build --release --bin snn
    SNN=${CARGO_TARGET_DIR:-target}/release/snn
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

now() { date +%s%N; }
seconds() { printf '%d.%02d s' $(($1 / 1000000000)) $(($1 / 10000000 % 100)); }
# Number of records of a kind.
count() { if [ -e "$1" ]; then grep -c "\"event\":\"$2\"" "$1" || true; else echo 0; fi; }

start=$(now)
# shellcheck disable=SC2086 # ARGS are words
"$SNN" train $args --json --out "$dir/alone" > "$dir/alone.jsonl"
whole=$(($(now) - start))
epochs=$(count "$dir/alone/metrics.jsonl" Epoch)
# A finished run that is resumed learns nothing more: what is left is the time to start, and to test.
start=$(now)
"$SNN" train --resume "$dir/alone" --json > "$dir/again.jsonl"
ready=$(($(now) - start))
epoch=$(((whole - ready) / epochs))
echo "left alone:   $(seconds "$whole"), $epochs epochs, $(count "$dir/alone/metrics.jsonl" Update) updates: $args"

run=0
done_kills=0
differing=0
learned=0
moments=()

compare() {
    for file in last.safetensors best.safetensors; do
        if ! cmp "$dir/alone/$file" "$dir/killed-$run/$file"; then
            differing=$((differing + 1))
        fi
    done
    learned=$((learned + $(count "$dir/killed-$run.jsonl" Update)))
}

# Starts or resumes the run in the background.
launch() {
    if [ -e "$dir/killed-$run" ]; then
        "$SNN" train --resume "$dir/killed-$run" --json >> "$dir/killed-$run.jsonl" &
    else
        # shellcheck disable=SC2086 # ARGS are words
        "$SNN" train $args --json --out "$dir/killed-$run" > "$dir/killed-$run.jsonl" &
    fi
    pid=$!
}

while [ "$done_kills" -lt "$kills" ]; do
    launch
    span=$((ready + 2 * epoch))
    if [ ! -e "$dir/killed-$run/experiment.ron" ]; then
        span=$((2 * epoch))
        until [ -e "$dir/killed-$run/experiment.ron" ]; do
            kill -0 "$pid"
            sleep 0.01
        done
    fi
    moment=$((span * RANDOM / 32768))
    sleep "$((moment / 1000000000)).$(printf '%09d' $((moment % 1000000000)))"
    if kill -KILL "$pid" 2> /dev/null; then
        done_kills=$((done_kills + 1))
        moments+=("$run:$(count "$dir/killed-$run/metrics.jsonl" Update)")
    fi
    status=0
    wait "$pid" 2> /dev/null || status=$?
    if [ "$status" -eq 0 ]; then
        compare
        run=$((run + 1))
    elif [ "$status" -ne 137 ]; then
        echo "the run ended with exit code $status" >&2
        exit 1
    fi
done
if [ -e "$dir/killed-$run" ]; then
    launch
    wait "$pid"
    compare
    run=$((run + 1))
fi

echo "killed at:    ${moments[*]} (run:update)"
echo "killed:       $done_kills times in $run runs; $learned updates learned, $((run * $(count "$dir/alone/metrics.jsonl" Update))) needed"
if [ "$differing" -gt 0 ]; then
    echo "FAILED:       $differing of $((2 * run)) checkpoints differ" >&2
    exit 1
fi
echo "equal:        last.safetensors and best.safetensors of each run, byte for byte"
