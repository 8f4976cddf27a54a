#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Turns SQL files into C strings, so that the program needs no files at run time.

usage: embed.py OUT.c NAME=FILE.sql...

A line `@include FILE ALIAS` is replaced by FILE's lines, with {a} for ALIAS.
"""
import os
import sys


def expand(path):
    with open(path, encoding="ascii") as f:
        for line in f.read().splitlines():
            words = line.split()
            if not words or words[0] != "@include":
                yield line
                continue
            for inner in expand(os.path.join(os.path.dirname(path), words[1])):
                yield inner.replace("{a}", words[2] if len(words) > 2 else "")


def literal(line):
    return '\t"' + line.replace("\\", "\\\\").replace('"', '\\"') + '\\n"'


def main():
    with open(sys.argv[1], "w", encoding="ascii") as out:
        out.write("/* SPDX-License-Identifier: Apache-2.0 */\n")
        out.write("/* Generated from src/store/sql by embed.py. */\n")
        out.write('#include "src/store/sqlite.h"\n')
        for pair in sys.argv[2:]:
            name, path = pair.split("=", 1)
            lines = [literal(x) for x in expand(path) if x and not x.startswith("--")]
            out.write(f"\nconst char {name}[] =\n" + "\n".join(lines) + ";\n")


if __name__ == "__main__":
    main()
