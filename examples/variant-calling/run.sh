#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prepares a work directory and runs the pipeline in it.
# usage: run.sh [WORK_DIR]     default: build/demo; it may be removed at any time
#        run.sh --prepare [WORK_DIR]   only prepares, from scratch
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

prepare_only=
if [ "${1-}" = --prepare ]; then
	prepare_only=1
	shift
fi
work=${1-$here/../../build/demo}
name=22_20-21M.fa

# Images without documentation lack the example data: take it from the package itself.
unpack_from_package() {
	local tmp
	tmp=$(mktemp -d)
	(cd "$tmp" && apt-get -qq download hisat2 && dpkg-deb -x hisat2_*.deb .)
	find "$tmp" -name "$name" -exec cp {} "$1" \;
	rm -r "$tmp"
	[ -s "$1" ]
}

mkdir -p "$work/data"
work=$(cd "$work" && pwd)
if [ -n "$prepare_only" ]; then
	rm -rf "$work"/{ref,raw,trim,bam,qc,call,report,log,.snakemake}
fi
if [ ! -s "$work/data/$name" ]; then
	reference=$(dpkg -L hisat2 2>/dev/null | grep "/$name\$" || true)
	if [ -n "$reference" ] && [ -s "$reference" ]; then
		cp "$reference" "$work/data/$name"
	elif ! unpack_from_package "$work/data/$name"; then
		echo "run.sh: no $name: install the package hisat2" >&2
		exit 1
	fi
fi
cp "$here/Snakefile" "$here/config.yaml" "$work/"
[ -z "$prepare_only" ] || exit 0

cd "$work"
# Debian's snakemake names its interpreter itself; another python3 may come first in PATH.
# The greedy scheduler spawns no solver; a solver is an engine process in every round.
exec /usr/bin/snakemake --cores 2 --scheduler greedy
