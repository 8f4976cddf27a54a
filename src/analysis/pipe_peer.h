/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of a pipe. Known where both ends were on descriptors 0 to 2 at
 * an exec (fact_pipe: the inode is the same); else a guess from kinship and work.
 */
#ifndef TRACER_ANALYSIS_PIPE_PEER_H
#define TRACER_ANALYSIS_PIPE_PEER_H

#include "src/analysis/facts.h"

struct pipe_peer {
	const struct fact_process *process; /* NULL: nobody that worked */
	bool known;			    /* by the pipe itself; else guessed */
	bool producer;			    /* p waits for its data; else for its room */
};

/* Of those at the other ends of the pipes of p, the one that worked or slept most while p
 * lived; where that is nobody, the same among its parent, siblings and children. */
struct pipe_peer pipe_peer_find(const struct run_facts *facts, const struct fact_process *p);

#endif
