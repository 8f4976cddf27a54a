#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checksums in parallel, by plain bash: `tracer run -- examples/bash/checksums.sh`
set -euo pipefail
shopt -s nullglob

sum_one() {
	sha256sum "$1" | cut -c 1-16 | sed "s|\$|  ${1##*/}|"
}

for file in /usr/share/common-licenses/*; do
	sum_one "$file" &
done
wait
