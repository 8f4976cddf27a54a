/* SPDX-License-Identifier: Apache-2.0 */
#include "src/base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/base/human.h"
#include "src/base/text.h"

#define GAP	 2
#define CUT_MIN	 8 /* narrower than this says nothing */
#define ELLIPSIS "\xe2\x80\xa6"
/* Where nothing is cut, a longer cell pushes the rest of its own line, not of all. */
#define PAD_MAX 60

struct table {
	FILE *out;
	const struct table_column *columns;
	size_t n;
	struct table_options options;
	size_t *widths;
	size_t gap;  /* between columns: GAP, or 1 where the width is short */
	char **held; /* n cells a row */
	size_t n_held;
	bool streaming;
	struct str cell;
};

int table_new(FILE *out, const struct table_column *columns, size_t n,
	      const struct table_options *options, struct table **ret)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*t = (struct table){
		.out = out, .columns = columns, .n = n, .options = *options, .gap = GAP
	};
	t->widths = calloc(n, sizeof(*t->widths));
	t->held = calloc(n * TABLE_SAMPLE, sizeof(*t->held));
	if (!t->widths || !t->held) {
		table_free(t);
		return -ENOMEM;
	}
	for (size_t i = 0; i < n && !options->no_header; i++)
		t->widths[i] = strlen(columns[i].heading);
	*ret = t;
	return 0;
}

void table_free(struct table *t)
{
	if (!t)
		return;
	for (size_t i = 0; t->held && i < t->n_held * t->n; i++)
		free(t->held[i]);
	free(t->held);
	free(t->widths);
	str_fini(&t->cell);
	free(t);
}

static void spaces(FILE *out, size_t n)
{
	static const char blanks[] = "                                ";

	for (; n; n -= n < 32 ? n : 32)
		fwrite(blanks, 1, n < 32 ? n : 32, out);
}

static void print_cell(struct table *t, size_t i, const char *text)
{
	size_t len = strlen(text), room = t->widths[i], width;
	bool cut = t->options.width && !t->columns[i].keep && text_width(text, len) > room;

	if (cut)
		len = text_prefix(text, len, room ? room - 1 : 0);
	width = text_width(text, len) + cut;
	if (t->columns[i].right && width < room)
		spaces(t->out, room - width);
	fwrite(text, 1, len, t->out);
	if (cut)
		fputs(ELLIPSIS, t->out);
	if (i + 1 == t->n)
		return;
	spaces(t->out, t->gap + (!t->columns[i].right && width < room ? room - width : 0));
}

static int print_row(struct table *t, const char *const *cells)
{
	spaces(t->out, t->options.indent);
	for (size_t i = 0; i < t->n; i++)
		print_cell(t, i, cells[i]);
	fputc('\n', t->out);
	return ferror(t->out) ? -EIO : 0;
}

static void print_header(struct table *t)
{
	spaces(t->out, t->options.indent);
	for (size_t i = 0; i < t->n; i++)
		print_cell(t, i, t->columns[i].heading);
	fputc('\n', t->out);
}

/* Narrows the gaps, then takes columns from the widest text, until the line fits. */
static void fit(struct table *t)
{
	size_t total = t->options.indent + GAP * (t->n - 1);

	for (size_t i = 0; i < t->n; i++)
		total += t->widths[i];
	if (t->options.width && total > t->options.width) {
		t->gap = 1;
		total -= (GAP - 1) * (t->n - 1);
	}
	for (size_t i = 0; !t->options.width && i < t->n; i++)
		if (!t->columns[i].right && !t->columns[i].keep && t->widths[i] > PAD_MAX)
			t->widths[i] = PAD_MAX;
	while (t->options.width && total > t->options.width) {
		size_t widest = t->n;

		for (size_t i = 0; i < t->n; i++)
			if (!t->columns[i].right && !t->columns[i].keep &&
			    (widest == t->n || t->widths[i] > t->widths[widest]))
				widest = i;
		if (widest == t->n || t->widths[widest] <= CUT_MIN)
			return;
		t->widths[widest]--;
		total--;
	}
}

static int start(struct table *t)
{
	int r = 0;

	t->streaming = true;
	fit(t);
	if (!t->options.no_header)
		print_header(t);
	for (size_t i = 0; r == 0 && i < t->n_held; i++)
		r = print_row(t, (const char *const *)t->held + i * t->n);
	return r;
}

/* The cell as it will be printed, in t->cell. */
static const char *safe_cell(struct table *t, const char *cell)
{
	str_reset(&t->cell);
	text_visible(&t->cell, cell ? cell : HUMAN_UNKNOWN, strlen(cell ? cell : HUMAN_UNKNOWN));
	return t->cell.failed ? NULL : str_text(&t->cell);
}

static int hold(struct table *t, const char *const *cells)
{
	char **row = t->held + t->n_held++ * t->n;

	for (size_t i = 0; i < t->n; i++) {
		const char *text = safe_cell(t, cells[i]);
		size_t width;

		row[i] = text ? strdup(text) : NULL;
		if (!row[i])
			return -ENOMEM;
		width = text_width(text, strlen(text));
		if (width > t->widths[i])
			t->widths[i] = width;
	}
	return 0;
}

int table_row(struct table *t, const char *const *cells)
{
	int r;

	if (!t->streaming && t->n_held < TABLE_SAMPLE)
		return hold(t, cells);
	if (!t->streaming) {
		r = start(t);
		if (r < 0)
			return r;
	}
	spaces(t->out, t->options.indent);
	for (size_t i = 0; i < t->n; i++) {
		const char *text = safe_cell(t, cells[i]);

		if (!text)
			return -ENOMEM;
		print_cell(t, i, text);
	}
	fputc('\n', t->out);
	return ferror(t->out) ? -EIO : 0;
}

int table_end(struct table *t)
{
	return t->streaming ? 0 : start(t);
}

#define WIDTH_LEAST 20
#define WIDTH_MOST  10000

/* What the user asks for, else the terminal's. */
size_t terminal_width(int fd)
{
	const char *given = getenv("COLUMNS");
	struct winsize size;
	char *end;
	unsigned long columns = given && *given ? strtoul(given, &end, 10) : 0;

	if (columns >= WIDTH_LEAST && columns <= WIDTH_MOST && !*end)
		return columns;
	if (!isatty(fd))
		return 0;
	if (ioctl(fd, TIOCGWINSZ, &size) < 0 || size.ws_col < WIDTH_LEAST)
		return 80;
	return size.ws_col;
}
