/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stall_fs DIR MS: a FUSE file system with one file, DIR/data of 1 MiB, each read of which
 * takes MS. Speaks the kernel's protocol itself, so that no library is needed. Prints
 * "ready" when mounted; ends when unmounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SIZE (1 << 20)

static int fd;

static void reply(const struct fuse_in_header *in, int error, const void *data, size_t len)
{
	static char out[SIZE + sizeof(struct fuse_out_header)];
	struct fuse_out_header *h = (void *)out;

	h->len = (uint32_t)(sizeof(*h) + len);
	h->error = error;
	h->unique = in->unique;
	if (len)
		memcpy(out + sizeof(*h), data, len);
	if (write(fd, out, h->len) < 0 && errno != ENOENT)
		perror("fuse reply");
}

static struct fuse_attr attributes(uint64_t node)
{
	struct fuse_attr a = { .ino = node, .nlink = 1 };

	a.mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644;
	a.size = node == 1 ? 0 : SIZE;
	a.blksize = 4096;
	return a;
}

static void answer_read(const struct fuse_in_header *in, const struct fuse_read_in *r, long ms)
{
	static char data[SIZE];
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
	size_t len = r->offset < SIZE ? SIZE - r->offset : 0;

	nanosleep(&t, NULL);
	reply(in, 0, data, len < r->size ? len : r->size);
}

static void answer(const struct fuse_in_header *in, const void *body, long ms)
{
	struct fuse_init_out init = { .major = 7, .minor = 31, .max_write = 4096 };
	struct fuse_entry_out entry = { .nodeid = 2, .attr_valid = 60, .entry_valid = 60 };
	struct fuse_attr_out attr = { .attr_valid = 60 };
	struct fuse_open_out open_out = { .open_flags = FOPEN_DIRECT_IO };

	switch (in->opcode) {
	case FUSE_INIT:
		reply(in, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		entry.attr = attributes(2);
		reply(in, strcmp(body, "data") ? -ENOENT : 0, &entry,
		      strcmp(body, "data") ? 0 : sizeof(entry));
		break;
	case FUSE_GETATTR:
		attr.attr = attributes(in->nodeid);
		reply(in, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		reply(in, 0, &open_out, sizeof(open_out));
		break;
	case FUSE_READ:
		answer_read(in, body, ms);
		break;
	case FUSE_FORGET:
		break;
	case FUSE_RELEASE:
	case FUSE_FLUSH:
		reply(in, 0, NULL, 0);
		break;
	default:
		reply(in, -ENOSYS, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static char buf[SIZE];
	char options[128];

	if (argc < 3)
		return 2;
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (fd < 0 || mount("stall", argv[1], "fuse.stall", MS_NOSUID | MS_NODEV, options)) {
		perror("mount");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == ENODEV)
			return 0;
		if (n < (ssize_t)sizeof(struct fuse_in_header))
			continue;
		answer((void *)buf, buf + sizeof(struct fuse_in_header), strtol(argv[2], NULL, 10));
	}
}
