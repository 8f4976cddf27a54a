/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many files of a directory were used, and their bytes, without their names.
 * Exact and small: inodes of one directory lie close together, so they are bits of
 * chunks of 1024. Beyond FOLD_CHUNKS_MAX the number is a lower bound, and says so.
 */
#include <stdlib.h>

#include "src/track/file_internal.h"

#define CHUNK_BITS 1024

struct fold_chunk {
	UT_hash_handle hh;
	uint64_t number; /* inode / CHUNK_BITS */
	uint64_t seen[CHUNK_BITS / 64], sized[CHUNK_BITS / 64];
};

struct file_fold {
	struct fold_chunk *chunks;
	uint64_t files, sized, bytes;
	bool at_least;
};

struct file_fold *fold_new(void)
{
	return calloc(1, sizeof(struct file_fold));
}

void fold_free(struct tracker *t, struct file_fold *fold)
{
	struct fold_chunk *chunk, *tmp;

	if (!fold)
		return;
	HASH_ITER (hh, fold->chunks, chunk, tmp) {
		HASH_DELETE(hh, fold->chunks, chunk);
		free(chunk);
		t->n_fold_chunks--;
	}
	free(fold);
}

/* NULL: no room for one more. */
static struct fold_chunk *get_chunk(struct tracker *t, struct file_fold *fold, uint64_t inode)
{
	uint64_t number = inode / CHUNK_BITS;
	struct fold_chunk *chunk;

	HASH_FIND(hh, fold->chunks, &number, sizeof(number), chunk);
	if (chunk || t->n_fold_chunks >= FOLD_CHUNKS_MAX)
		return chunk;
	chunk = calloc(1, sizeof(*chunk));
	if (!chunk)
		return NULL;
	chunk->number = number;
	HASH_ADD(hh, fold->chunks, number, sizeof(number), chunk);
	if (!chunk->hh.tbl) {
		free(chunk);
		return NULL;
	}
	t->n_fold_chunks++;
	return chunk;
}

/* True if the bit was not set before. */
static bool set_bit(uint64_t *bits, uint64_t inode)
{
	uint64_t bit = 1ULL << (inode % 64), *word = &bits[inode % CHUNK_BITS / 64];
	bool fresh = !(*word & bit);

	*word |= bit;
	return fresh;
}

void fold_add(struct tracker *t, struct file_fold *fold, uint64_t inode, bool is_new)
{
	struct fold_chunk *chunk = inode ? get_chunk(t, fold, inode) : NULL;

	if (chunk) {
		fold->files += set_bit(chunk->seen, inode);
		return;
	}
	fold->files += is_new; /* certain without knowing the others */
	fold->at_least |= !is_new;
}

void fold_size(struct tracker *t, struct file_fold *fold, uint64_t inode, uint64_t size_bytes)
{
	struct fold_chunk *chunk = inode ? get_chunk(t, fold, inode) : NULL;

	if (!chunk || !set_bit(chunk->sized, inode))
		return;
	fold->sized++;
	fold->bytes += size_bytes;
}

uint64_t fold_files(const struct file_fold *fold, bool *ret_at_least)
{
	*ret_at_least = fold->at_least;
	return fold->files;
}

int64_t fold_bytes(const struct file_fold *fold)
{
	bool all = fold->files && fold->sized == fold->files && !fold->at_least;

	return all ? (int64_t)fold->bytes : FILE_UNKNOWN;
}
