/* SPDX-License-Identifier: Apache-2.0 */
/* See stream.h. The descriptor must be O_NONBLOCK. */
#include "src/agent/stream.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct stream *stream_new(int fd)
{
	const struct wire_file head = { WIRE_MAGIC, WIRE_VERSION, sizeof(head) };
	struct stream *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	s->fd = fd;
	s->error = 0;
	memcpy(s->buf, &head, sizeof(head));
	s->len = sizeof(head);
	return s;
}

void stream_free(struct stream *s)
{
	free(s);
}

bool stream_has_room(const struct stream *s)
{
	return s->len + WIRE_RECORD_MAX <= sizeof(s->buf);
}

int stream_push(struct stream *s)
{
	size_t done = 0;

	while (!s->error && done < s->len) {
		ssize_t n = write(s->fd, s->buf + done, s->len - done);

		if (n > 0)
			done += (size_t)n;
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			s->error = -errno;
	}
	if (done) {
		s->len -= done;
		memmove(s->buf, s->buf + done, s->len);
	}
	return s->error;
}

int stream_put(struct stream *s, const struct wire_header *record)
{
	if (s->error || record->size > sizeof(s->buf) - s->len)
		return -ENOBUFS;
	memcpy(s->buf + s->len, record, record->size);
	s->len += record->size;
	if (!stream_has_room(s))
		stream_push(s);
	return stream_has_room(s) ? 0 : -ENOBUFS;
}

int stream_drain(struct stream *s, int timeout_ms)
{
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	int waited = 0;

	while (!stream_push(s) && s->len) {
		if (waited >= timeout_ms)
			return -ETIMEDOUT;
		poll(&p, 1, 20);
		waited += 20;
	}
	return s->error;
}

struct text_record {
	unsigned char *buf;
	size_t at;
};

static struct wire_string put_text(struct text_record *r, const char *text, size_t len)
{
	struct wire_string s = { 0 };

	if (!text || r->at + len > WIRE_RECORD_MAX - 8)
		return s;
	memcpy(r->buf + r->at, text, len);
	s.off = (uint16_t)r->at;
	s.len = (uint16_t)len;
	r->at += len;
	return s;
}

static struct wire_string put_plain(struct text_record *r, const char *text)
{
	return put_text(r, text, text ? strlen(text) + 1 : 0);
}

static struct wire_string put_list(struct text_record *r, const char *const *items, size_t max)
{
	struct wire_string all = { (uint16_t)r->at, 0 };

	for (; items && *items && max; items++, max--) {
		struct wire_string one = put_plain(r, *items);

		if (!one.len)
			break;
		all.len = (uint16_t)(all.len + one.len);
	}
	return all.len ? all : (struct wire_string){ 0 };
}

static size_t end_record(struct text_record *r, struct wire_header *h)
{
	while (r->at % 8)
		r->buf[r->at++] = 0;
	h->size = (uint32_t)r->at;
	return r->at;
}

size_t stream_run_begin(const struct run_description *d, void *buf)
{
	struct text_record r = { buf, sizeof(struct wire_run_begin) };
	struct wire_run_begin *b = buf;
	struct timespec real, boot;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	memset(b, 0, sizeof(*b));
	b->h.type = WIRE_RUN_BEGIN;
	b->h.time_ns = (uint64_t)boot.tv_sec * 1000000000ULL + (uint64_t)boot.tv_nsec;
	b->unix_ns = real.tv_sec * 1000000000LL + real.tv_nsec;
	b->uid = d->user_id;
	b->gid = d->group_id;
	memcpy(b->run_uid, d->uid, strnlen(d->uid, sizeof(b->run_uid) - 1));
	b->name = put_plain(&r, d->name);
	b->cwd = put_plain(&r, d->cwd);
	b->user = put_plain(&r, d->user);
	b->labels = put_list(&r, d->labels, d->n_labels);
	b->argv = put_list(&r, (const char *const *)d->argv, 4096);
	return end_record(&r, &b->h);
}

size_t stream_run_end(const struct wire_run_end *end, const char *note, void *buf)
{
	struct text_record r = { buf, sizeof(*end) };
	struct wire_run_end *e = buf;

	*e = *end;
	e->note = put_plain(&r, note && *note ? note : NULL);
	return end_record(&r, &e->h);
}
