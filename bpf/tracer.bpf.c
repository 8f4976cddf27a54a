/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * All programs of the collector in one object: they share maps. The parts are
 * headers, one for each subject.
 */
#include "bpf/exec.bpf.h"
#include "bpf/file_names.bpf.h"
#include "bpf/live.bpf.h"
#include "bpf/memory.bpf.h"
#include "bpf/net.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
