/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run remembers of file names: which inode a name had, so that a rename or
 * a link of it, which the kernel tells by names alone, is of a known file; and how
 * many files of each directory a task has used. Names are kept as 64-bit hashes in
 * tables of a fixed size, in which a newer one may take the place of an older.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/track/file_internal.h"

#define NAMES	    16384 /* powers of two; 40, 16 and 8 bytes each, touched when used */
#define DIRECTORIES 8192
#define PATHS	    32768

struct known_name {
	uint64_t hash;
	struct file_known known;
	bool written;
};

struct directory {
	uint64_t hash;
	uint32_t files;
};

struct file_names {
	struct known_name names[NAMES];
	struct directory directories[DIRECTORIES];
	uint64_t paths[PATHS]; /* of a task, listed by name */
};

int file_names_new(struct file_names **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

/* FNV-1a with a final mix; never 0, which is an empty place. */
static uint64_t hash_of(uint64_t seed, const char *text, size_t len)
{
	uint64_t h = 14695981039346656037ULL ^ seed * 0x9e3779b97f4a7c15ULL;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 1099511628211ULL;
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93ULL;
	h ^= h >> 32;
	return h ? h : 1;
}

static struct known_name *place_of(const struct file_names *n, uint64_t hash)
{
	return (struct known_name *)&n->names[hash % NAMES];
}

void file_names_set(struct file_names *n, const char *path, const struct file_known *known,
		    bool written)
{
	uint64_t hash = hash_of(0, path, strlen(path));
	struct known_name *name = place_of(n, hash);

	if (name->hash && name->hash != hash && name->written && !written)
		return;
	*name = (struct known_name){ hash, *known,
				     written || (name->hash == hash && name->written) };
}

bool file_names_get(const struct file_names *n, const char *path, struct file_known *ret)
{
	uint64_t hash = hash_of(0, path, strlen(path));
	const struct known_name *name = place_of(n, hash);

	if (name->hash != hash)
		return false;
	*ret = name->known;
	return true;
}

void file_names_forget(struct file_names *n, const char *path)
{
	uint64_t hash = hash_of(0, path, strlen(path));
	struct known_name *name = place_of(n, hash);

	if (name->hash == hash)
		memset(name, 0, sizeof(*name));
}

bool file_names_beyond(struct file_names *n, int64_t task, const char *path, uint32_t max)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	uint64_t whole = hash_of((uint64_t)task + 1, path, strlen(path));
	uint64_t hash = hash_of((uint64_t)task + 1, path, len);
	uint64_t *listed = &n->paths[whole % PATHS];
	struct directory *d = &n->directories[hash % DIRECTORIES];

	if (*listed == whole || !slash)
		return false;
	if (d->hash != hash)
		*d = (struct directory){ .hash = hash };
	if (d->files >= max)
		return true;
	d->files++;
	*listed = whole;
	return false;
}
