/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files inside the tracker: entries of a process (file_table.c), many files of one
 * directory as one entry (file_fold.c), and what a run remembers of names after
 * the processes that used them (file_names.c).
 */
#ifndef TRACER_TRACK_FILE_INTERNAL_H
#define TRACER_TRACK_FILE_INTERNAL_H

#include "src/track/tracker.h"

#define FOLDS_PER_PROCESS_MAX 256 /* directories; allowed beyond the limits of files */
#define FOLDS_IN_MEMORY_MAX   2048
#define FOLD_CHUNKS_MAX	      16384 /* of all live processes; 280 bytes each */
#define FILE_UNKNOWN	      (-1)

struct inode_key { /* no padding: it is hashed */
	uint64_t inode, dev;
};

struct file_fold;

struct file_entry {
	UT_hash_handle hh;	    /* in its process, by path */
	UT_hash_handle hh_inode;    /* by inode: the name that it was last used by */
	struct inode_key key;	    /* of a fold: of the directory; inode 0: not known */
	struct file_fold *fold;	    /* NULL: one file */
	char *source;		    /* its name before, or where it points; NULL: none */
	uint64_t first_ns, last_ns; /* CLOCK_BOOTTIME */
	uint64_t opens, failed;
	int64_t size_bytes, read_to_bytes, written_to_bytes; /* FILE_UNKNOWN */
	int64_t inherited_at_bytes;			     /* position when it was handed over */
	int error;
	uint16_t access, inherited_access; /* WIRE_OPEN_*; the latter is not used yet */
	uint8_t kind, descriptors;
	bool indexed, renamed_to, unlinked, linked, inherited, closed, dirty;
	char path[];
};

struct process_files {
	struct file_entry *by_path, *by_inode, *folds;
	uint32_t n, n_folds;
	bool dirty;
};

/* file_fold.c. A fold counts each inode once. */
struct file_fold *fold_new(void);
void fold_free(struct tracker *t, struct file_fold *fold);
/* A file of it was opened, or got a name there; key.inode 0: not known which one. */
void fold_add(struct tracker *t, struct file_fold *fold, uint64_t inode, bool is_new);
/* Its size at the end of its use, or when it was only read; the first one counts. */
void fold_size(struct tracker *t, struct file_fold *fold, uint64_t inode, uint64_t size_bytes);
uint64_t fold_files(const struct file_fold *fold, bool *ret_at_least);
int64_t fold_bytes(const struct file_fold *fold); /* FILE_UNKNOWN: not of all of them */

/* file_names.c. Tables of a fixed size that forget: what is not found is unknown. */
struct file_names;
struct file_known {
	struct inode_key key;
	int64_t size_bytes;
};
int file_names_new(struct file_names **ret);
/* written: may take the place of a file that was only read. */
void file_names_set(struct file_names *n, const char *path, const struct file_known *known,
		    bool written);
bool file_names_get(const struct file_names *n, const char *path, struct file_known *ret);
void file_names_forget(struct file_names *n, const char *path);
/* Of the files of one directory that a task uses, is this one beyond the `max` that are
 * listed by name? */
bool file_names_beyond(struct file_names *n, int64_t task, const char *path, uint32_t max);

#endif
