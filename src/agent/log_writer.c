/* SPDX-License-Identifier: Apache-2.0 */
/* See log_writer.h. */
#include "src/agent/log_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct log_writer {
	FILE *file;
	int error; /* first errno */
};

int log_writer_open(const char *path, struct log_writer **ret)
{
	const struct wire_file head = { WIRE_MAGIC, WIRE_VERSION, sizeof(head) };
	struct log_writer *w;
	int fd;

	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	w->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!w->file) {
		int error = -errno;

		if (fd >= 0)
			close(fd);
		free(w);
		return error;
	}
	setvbuf(w->file, NULL, _IOFBF, 256 * 1024);
	if (fwrite(&head, sizeof(head), 1, w->file) != 1)
		w->error = errno;
	*ret = w;
	return 0;
}

void log_writer_put(struct log_writer *w, const struct wire_header *record)
{
	if (!w->error && fwrite(record, record->size, 1, w->file) != 1)
		w->error = errno ? errno : EIO;
}

void log_writer_flush(struct log_writer *w)
{
	if (!w->error && fflush(w->file))
		w->error = errno;
}

int log_writer_close(struct log_writer *w)
{
	int error;

	if (fclose(w->file) && !w->error)
		w->error = errno;
	error = w->error;
	free(w);
	errno = error;
	return error ? -1 : 0;
}
