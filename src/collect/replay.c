/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads event logs. Trusts nothing in the file: a record's size is checked here,
 * its contents by whoever takes it (src/model/event.h).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/collect/collect.h"

struct event_log {
	FILE *file;
	_Alignas(8) unsigned char record[WIRE_RECORD_MAX];
};

static int check_header(FILE *file)
{
	struct wire_file head;
	unsigned char skip;

	if (fread(&head, sizeof(head), 1, file) != 1)
		return ferror(file) ? -EIO : -EBADMSG;
	if (head.magic != WIRE_MAGIC)
		return -EBADMSG;
	if (head.version > WIRE_VERSION)
		return -EPROTO;
	if (head.header_size < sizeof(head) || head.header_size > 4096)
		return -EBADMSG;
	for (uint32_t i = sizeof(head); i < head.header_size; i++)
		if (fread(&skip, 1, 1, file) != 1)
			return -EBADMSG;
	return 0;
}

int event_log_open(const char *path, struct event_log **ret)
{
	_cleanup_fclose_ FILE *file = strcmp(path, "-") ? fopen(path, "re") : fdopen(0, "r");
	struct event_log *l;
	int r;

	if (!file)
		return -errno;
	r = check_header(file);
	if (r < 0)
		return r;
	l = malloc(sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->file = file;
	file = NULL;
	*ret = l;
	return 0;
}

void event_log_close(struct event_log *l)
{
	if (!l)
		return;
	fclose(l->file);
	free(l);
}

int event_log_next(struct event_log *l, const struct wire_header **ret)
{
	struct wire_header *h = (void *)l->record;
	size_t n = fread(h, 1, sizeof(*h), l->file);

	if (n == 0)
		return ferror(l->file) ? -EIO : 0;
	if (n < sizeof(*h) || h->size < sizeof(*h) || h->size > WIRE_RECORD_MAX || h->size % 8)
		return -EBADMSG;
	n = h->size - sizeof(*h);
	if (n && fread(l->record + sizeof(*h), n, 1, l->file) != 1)
		return -EBADMSG;
	*ret = h;
	return 1;
}
