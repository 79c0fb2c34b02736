#!/bin/sh
# Finds the block size at which dd copies fastest. Bluefin needs nothing of a program but a number:
#
#   bluefin tune --metric seconds --trials 12 block=512..1048576:log -- sh benchmark.sh {block} {trial_dir}
#
# A file of 64 MiB is copied. The time is what the shell's own clock says.
set -eu
block=$1 folder=$2
start=$(date +%s%N)
dd if=/dev/zero of="$folder/copy" bs="$block" count=$((64 * 1024 * 1024 / block)) 2>/dev/null
end=$(date +%s%N)
rm "$folder/copy"
awk -v ns=$((end - start)) 'BEGIN { printf "seconds: %.6f\n", ns / 1e9 }'
