#!/bin/sh
# Fuzzes the policy: each target of crates/policy/fuzz/ for a while, with libFuzzer:
#
#     build/test/fuzz-policy.sh SECONDS DIR
#
# NGINX_SOURCE_DIR and NGINX_BUILD_DIR say where nginx is. What has been learned is kept in DIR/corpus, for the next time;
# what breaks a target is left in DIR.

set -eu

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

seconds=$1
dir=$(make_dir "$2")
log=$dir/build.log
host=$(rustc -vV | sed -n 's/^host: //p')

# What cargo fuzz builds with, as far as a stable Rust can.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"

echo "==> building the fuzz targets (log: ${log#"$PWD/"})"
CARGO_TARGET_DIR=$dir/target cargo build --locked --release --manifest-path crates/policy/fuzz/Cargo.toml --target "$host" >"$log" 2>&1 ||
    fail_log "cargo build failed"

failed=
for target in size judgement pace clock drain metrics; do
    mkdir -p "$dir/corpus/$target"
    echo "==> $target, $seconds seconds (log: ${dir#"$PWD/"}/$target.log)"
    if ! "$dir/target/$host/release/$target" "$dir/corpus/$target" -max_total_time="$seconds" -max_len=1024 -timeout=10 \
        -print_final_stats=1 -artifact_prefix="$dir/$target-" >"$dir/$target.log" 2>&1; then
        failed="$failed $target"
        grep -a -m 5 -A 3 -e 'panicked at' -e 'ERROR:' "$dir/$target.log" >&2 || tail -n 15 "$dir/$target.log" >&2
        grep -a -m 1 'Test unit written to' "$dir/$target.log" >&2 || true
    fi
    # The line with the seed is the first one, that with the count among the last.
    sed -n -e 's/^INFO: Seed: /    seed /p' -e 's/^stat::number_of_executed_units: */    inputs: /p' "$dir/$target.log"
done

if [ -n "$failed" ]; then
    fail "${failed# }: see above. Run a target with the file written there to see it again."
fi
