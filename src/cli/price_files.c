/* SPDX-License-Identifier: Apache-2.0 */
#include "src/cli/price_files.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "src/base/cleanup.h"
#include "src/base/io.h"
#include "src/base/log.h"
#include "src/base/paths.h"
#include "src/base/str.h"
#include "src/cli/cli.h"

#define PIECE (64 * 1024)

/* What is not a text that could be read, by its first bytes; NULL: it may be one. */
static const char *refused(const char *data, size_t len)
{
	static const struct {
		const char *magic;
		size_t len;
		const char *what;
	} kinds[] = {
		{ "PAR1", 4, "it is Parquet: export it as CSV (gzip is fine)" },
		{ "PK\3\4", 4, "it is a ZIP archive: unpack it first" },
		{ "\x28\xb5\x2f\xfd", 4, "it is compressed by zstd: unpack it, or use gzip" },
		{ "\xfd"
		  "7zXZ",
		  5, "it is compressed by xz: unpack it, or use gzip" },
		{ "BZh", 3, "it is compressed by bzip2: unpack it, or use gzip" },
		{ "\xff\xfe", 2, "it is UTF-16: save it as UTF-8" },
		{ "\xfe\xff", 2, "it is UTF-16: save it as UTF-8" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (len >= kinds[i].len && !memcmp(data, kinds[i].magic, kinds[i].len))
			return kinds[i].what;
	return NULL;
}

static int cannot_read(const char *path, const char *why)
{
	log_error("cannot read %s: %s", path, why);
	return -EIO;
}

/* Plain and gzip alike. 0 or -EIO (said). */
static int feed_all(const char *path, gzFile in,
		    int (*feed)(void *ctx, const char *data, size_t len), void *ctx, int *ret_feed)
{
	_cleanup_free_ char *piece = malloc(PIECE);
	const char *why;
	int n, error = Z_OK;
	bool first = true;

	if (!piece)
		return cannot_read(path, strerror(ENOMEM));
	while (*ret_feed == 0 && (n = gzread(in, piece, PIECE)) > 0) {
		why = first ? refused(piece, (size_t)n) : NULL;
		if (why)
			return cannot_read(path, why);
		first = false;
		*ret_feed = feed(ctx, piece, (size_t)n);
	}
	if (*ret_feed)
		return 0;
	why = gzerror(in, &error);
	if (error == Z_BUF_ERROR)
		return cannot_read(path, "the compressed file is cut off");
	if (error == Z_ERRNO)
		return cannot_read(path, strerror(errno));
	return error == Z_OK || error == Z_STREAM_END ? 0 : cannot_read(path, why);
}

/* Gives the file to feed() in pieces. 0, -errno of the file (said), or what feed()
 * returned in *ret_feed. */
static int read_pieces(const char *path, int (*feed)(void *ctx, const char *data, size_t len),
		       void *ctx, int *ret_feed)
{
	int fd = !strcmp(path, "-") ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	gzFile in;
	int r;

	*ret_feed = 0;
	if (fd < 0)
		return cannot_read(path, strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return cannot_read(path, "it is a directory");
	}
	in = gzdopen(fd, "rb");
	if (!in) {
		close(fd);
		return cannot_read(path, strerror(ENOMEM));
	}
	gzbuffer(in, PIECE);
	r = feed_all(path, in, feed, ctx, ret_feed);
	gzclose_r(in);
	return r;
}

static int feed_prices(void *ctx, const char *data, size_t len)
{
	return price_import_feed(ctx, data, len);
}

struct filtered {
	const struct price_filter *filter;
	struct price_table *table;
	uint64_t left_out;
};

static int on_row(void *ctx, const struct price_row *row)
{
	struct filtered *f = ctx;
	const struct price_filter *want = f->filter;

	if (want && ((want->region && fnmatch(want->region, row->region, 0)) ||
		     (want->type && fnmatch(want->type, row->type, 0)))) {
		f->left_out++;
		return 0;
	}
	return price_table_add(f->table, row);
}

int price_file_import(const char *path, const struct price_filter *filter, struct price_table *t,
		      struct import_result *ret)
{
	struct filtered f = { filter, t, 0 };
	struct import_sink sink = { on_row, &f };
	struct price_import *i = price_import_new(&sink);
	int fed = -ENOMEM, r = i ? read_pieces(path, feed_prices, i, &fed) : 0;

	if (i && r == 0 && fed == 0)
		fed = price_import_end(i, ret);
	if (r == 0 && fed != 0)
		log_error("%s: %s; nothing of it was used", path,
			  i ? price_import_error(i) : "no memory");
	if (r == 0 && fed == 0) {
		ret->rows -= f.left_out;
		ret->skipped += f.left_out;
	}
	price_import_free(i);
	return r || fed ? EXIT_ERROR : EXIT_OK;
}

int price_file_load(const char *path, struct price_table *t)
{
	struct import_result result;

	return price_file_import(path, NULL, t, &result);
}

int price_file_load_own(struct price_table *t)
{
	char path[PATH_MAX];
	struct stat st;

	if (data_path("prices.csv", path, sizeof(path)) < 0 || stat(path, &st) < 0)
		return EXIT_OK;
	return price_file_load(path, t);
}

static void put(FILE *out, const char *text, char end)
{
	bool quoted = strpbrk(text, ",\"\r\n");

	if (quoted)
		fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	if (quoted)
		fputc('"', out);
	fputc(end, out);
}

static void put_row(FILE *out, const struct price_row *row)
{
	char buf[MONEY_MAX], since[40] = "";
	time_t t = (time_t)(row->since_ns / 1000000000ULL);
	struct tm tm;

	if (row->since_ns) {
		gmtime_r(&t, &tm);
		strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", &tm);
	}
	put(out, row->provider, ',');
	put(out, row->region, ',');
	put(out, row->zone, ',');
	put(out, row->type, ',');
	put(out, lifecycle_name(row->lifecycle), ',');
	put(out, money_text(buf, row->usd_per_hour), ',');
	put(out, since, ',');
	put(out, row->as_of, ',');
	put(out, row->source, '\n');
}

static int cannot_write(const char *path, int error)
{
	log_error("cannot write %s: %s", path, strerror(error));
	return EXIT_ERROR;
}

int price_file_save_own(const struct price_table *t, const char **ret_path)
{
	char path[PATH_MAX], fresh[PATH_MAX + 8];
	FILE *out;
	int fd;

	if (data_path("prices.csv", path, sizeof(path)) < 0) {
		log_error("no place for prices: set HOME or XDG_DATA_HOME");
		return EXIT_ERROR;
	}
	str_copy(fresh, sizeof(fresh), path);
	*strrchr(fresh, '/') = '\0';
	fd = make_directories(fresh, 0700);
	if (fd < 0)
		return cannot_write(fresh, -fd);
	snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path);
	fd = mkostemp(fresh, O_CLOEXEC);
	out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!out)
		return cannot_write(fresh, errno);
	fputs(PRICE_COLUMNS "\n", out);
	for (size_t i = 0; i < t->n; i++)
		put_row(out, &t->rows[i]);
	if (fflush(out) || ferror(out) || fsync(fd) || rename(fresh, path) < 0) {
		int error = errno;

		fclose(out);
		unlink(fresh);
		return cannot_write(path, error);
	}
	fclose(out);
	*ret_path = strdup(path);
	return *ret_path ? EXIT_OK : EXIT_ERROR;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int bill_files_find(struct bill_files *ret)
{
	char pattern[PATH_MAX];
	glob_t found = { 0 };

	*ret = (struct bill_files){ 0 };
	if (data_path("bills/*.csv", pattern, sizeof(pattern)) == 0)
		(void)glob(pattern, 0, NULL, &found);
	if (data_path("bills/*.csv.gz", pattern, sizeof(pattern)) == 0)
		(void)glob(pattern, found.gl_pathc ? GLOB_APPEND : 0, NULL, &found);
	if (found.gl_pathc) {
		qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), by_text);
		ret->paths = calloc(found.gl_pathc, sizeof(*ret->paths));
		for (size_t i = 0; ret->paths && i < found.gl_pathc; i++) {
			ret->paths[i] = strdup(found.gl_pathv[i]);
			ret->n += ret->paths[i] != NULL;
		}
	}
	globfree(&found);
	return EXIT_OK;
}

void bill_files_free(struct bill_files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->paths[i]);
	free(files->paths);
	*files = (struct bill_files){ 0 };
}

static int feed_bill(void *ctx, const char *data, size_t len)
{
	return bill_reader_feed(ctx, data, len);
}

static int on_charge(void *ctx, const struct charge *c)
{
	return bill_book_add(ctx, c);
}

int bill_file_load(const char *path, enum bill_view view, struct bill_book *b)
{
	struct bill_reader reader;
	int fed, r;

	bill_reader_init(&reader, view);
	reader.charge = on_charge;
	reader.ctx = b;
	r = read_pieces(path, feed_bill, &reader, &fed);
	if (r == 0 && fed == 0)
		fed = bill_reader_end(&reader);
	if (r == 0 && fed != 0)
		log_error("%s: %s", path, reader.error);
	bill_reader_fini(&reader);
	return r || fed ? EXIT_ERROR : EXIT_OK;
}
