# A script: job. SPDX-License-Identifier: Apache-2.0
with open(snakemake.input[0]) as f, open(snakemake.output[0], "w") as g:
    g.write("%s %d\n" % (snakemake.wildcards.s, len(f.readlines())))
