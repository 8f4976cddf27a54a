/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The play that finds the flow: all uses of files, in the order of time, change
 * what is known of each file's life. A life is one file from its creation to its
 * removal, whatever its names; who wrote it is who produced what a reader finds.
 */
#ifndef TRACER_ANALYSIS_FLOW_INTERNAL_H
#define TRACER_ANALYSIS_FLOW_INTERNAL_H

#include <uthash.h>

#include "src/analysis/flow.h"

struct ends { /* tasks or FLOW_*, each once, in the order in which they came */
	uint32_t *items;
	uint32_t n, size;
};

struct life_key {
	uint64_t dev, inode;
};

struct life {
	struct life_key key;
	UT_hash_handle hh;	      /* among those whose inode is known, the present ones */
	uint32_t path;		      /* its latest name */
	struct ends writers, readers; /* readers: of streams only */
	bool made;		      /* the run created or emptied it */
	bool via_engine;	      /* the engine moved or copied it since it was written */
	bool stream, deleted;
	bool read;     /* by anybody */
	bool consumed; /* by a task that is not its writer */
};

struct mover { /* who renamed something to a path, until it is known what */
	uint64_t time_ns;
	uint32_t task;
	bool set;
};

struct copy_source { /* what a process of the engine read last, by base name */
	struct {
		int64_t process;
		uint64_t name_hash;
	} key;
	struct life *life;
	uint64_t time_ns;
	UT_hash_handle hh;
};

struct many {		    /* what is beyond a limit in one directory, taken as one file */
	uint64_t directory; /* hash of its name */
	struct ends writers;
	struct life **lives; /* that were once in the directory */
	size_t n, size;
	size_t looked_at;  /* of them, when there was no place for links any more */
	uint64_t unlinked; /* what a read would link to those */
	UT_hash_handle hh;
};

struct play {
	const struct flow_input *in;
	struct flow *out;
	struct arena arena;
	struct life *by_inode;
	struct life **lives; /* all that there were */
	size_t n_lives, size_lives;
	struct life **at_path; /* by path */
	struct mover *movers;  /* by path */
	uint32_t *linkers;     /* by path: who made it a further name, + 1; 0: nobody */
	struct copy_source *copies;
	struct many *many;
	uint64_t *directories; /* by path: hashes; NULL: nothing is taken as one */
	size_t size_links, size_staging;
	bool links_full; /* all are different: do not sort them again */
	bool no_memory;
};

/* flow_life.c: what one event means. Trouble is told by play->no_memory. */
void life_read(struct play *p, const struct flow_use *u, uint64_t time_ns);
void life_read_old(struct play *p, const struct flow_use *u, uint64_t time_ns);
void life_write(struct play *p, const struct flow_use *u, uint64_t time_ns, bool first);
void life_rename(struct play *p, const struct flow_use *u, uint64_t time_ns);
void life_link(struct play *p, const struct flow_use *u, uint64_t time_ns);
void life_unlink(struct play *p, const struct flow_use *u);

void ends_add(struct play *p, struct ends *e, uint32_t end);
uint64_t text_hash(const char *text, size_t len);

/* flow_many.c: directories of which many files are one row. */
int many_prepare(struct play *p); /* 0 or -ENOMEM */
void many_read(struct play *p, const struct flow_use *u, uint64_t time_ns);
void many_write(struct play *p, const struct flow_use *u);
void many_place(struct play *p, struct life *l); /* it has come to be where its path says */
/* Who may have written a file of which nothing else is known; NULL: nobody. */
const struct ends *many_writers(struct play *p, uint32_t path);

/* flow_link.c */
void link_add(struct play *p, const struct flow_link *link);
void links_unite(struct flow *f);    /* sorts them and keeps one of those that are alike */
int links_summarise(struct play *p); /* edges, inputs, shared files */

#endif
