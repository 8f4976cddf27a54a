/* SPDX-License-Identifier: Apache-2.0 */
#include "src/track/sample.h"

#include <ctype.h>
#include <stdio.h>

#include "src/base/cleanup.h"
#include "src/track/argv.h"

static bool keep(struct word w, char ret[SAMPLE_MAX])
{
	if (!w.len || w.len >= SAMPLE_MAX)
		return false;
	for (size_t i = 0; i < w.len; i++)
		if (!isalnum((unsigned char)w.p[i]) && !strchr("_.-+", w.p[i]))
			return false;
	memcpy(ret, w.p, w.len);
	ret[w.len] = '\0';
	return true;
}

/* SM of a SAM read group: "@RG\tID:x\tSM:NA12878", with real or written tabs. */
static bool read_group(struct word w, char ret[SAMPLE_MAX])
{
	const char *p = word_has(w, "@RG") ? memmem(w.p, w.len, "SM:", 3) : NULL;
	struct word value;

	if (!p || p == w.p || !(p[-1] == '\t' || p[-1] == 't' || p[-1] == ' '))
		return false;
	value.p = p + 3;
	value.len = 0;
	while (value.p + value.len < w.p + w.len && !strchr("\t\\ '\"", value.p[value.len]))
		value.len++;
	return keep(value, ret);
}

static bool argument(const struct argv_words *a, char ret[SAMPLE_MAX])
{
	static const char *const options[] = { "--sample", "--sample-name", "--sample_name",
					       "--rgsm", "--rg-sample" };
	static const char *const assigned[] = { "SM=",	     "SAMPLE_NAME=",   "RGSM=",
						"--sample=", "--sample-name=", "--sample_name=" };

	for (unsigned i = 1; i < a->n; i++) {
		if (read_group(a->w[i], ret))
			return true;
		for (size_t k = 0; k < ARRAY_SIZE(options); k++)
			if (i + 1 < a->n && word_is(a->w[i], options[k]) && keep(a->w[i + 1], ret))
				return true;
		for (size_t k = 0; k < ARRAY_SIZE(assigned); k++) {
			size_t len = strlen(assigned[k]);

			if (word_starts(a->w[i], assigned[k]) &&
			    keep((struct word){ a->w[i].p + len, a->w[i].len - len }, ret))
				return true;
		}
	}
	return false;
}

static bool cut(struct word *w, const char *end)
{
	if (w->len <= strlen(end) || !word_ends(*w, end))
		return false;
	w->len -= strlen(end);
	return true;
}

/* Data of a sample by its ending; references and indices are of none. */
static bool cut_ending(struct word *w)
{
	static const char *const data[] = { ".fastq", ".fq",  ".bam",	".cram", ".sam",
					    ".vcf",   ".bcf", ".fast5", ".pod5", ".g.vcf" };

	cut(w, ".gz");
	cut(w, ".bz2");
	for (size_t i = 0; i < ARRAY_SIZE(data); i++)
		if (cut(w, data[i])) {
			cut(w, ".g");
			return true;
		}
	return false;
}

/* ".sorted", ".dedup" and the like. */
static bool cut_step(struct word *w)
{
	static const char *const steps[] = { ".sorted",	 ".sort",     ".dedup",	  ".markdup",
					     ".trimmed", ".trim",     ".md",	  ".recal",
					     ".bqsr",	 ".filtered", "_trimmed", "_val_1",
					     "_val_2",	 ".unpaired", ".paired" };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		if (cut(w, steps[i]))
			return true;
	return false;
}

static bool cut_digits(struct word *w, const char *mark, unsigned least, unsigned most)
{
	size_t digits = 0, mark_len = strlen(mark);

	while (digits < w->len && isdigit((unsigned char)w->p[w->len - 1 - digits]))
		digits++;
	if (digits < least || digits > most || w->len <= digits + mark_len ||
	    memcmp(w->p + w->len - digits - mark_len, mark, mark_len))
		return false;
	w->len -= digits + mark_len;
	return true;
}

/* Illumina's NAME_S1_L001_R1_001, and plain NAME_1, NAME_R2. */
static void cut_read(struct word *w)
{
	struct word before = *w;

	if (cut_digits(w, "_", 3, 3) && !(w->len > 3 && w->p[w->len - 2] == 'R'))
		*w = before;
	if (w->len > 2 && (w->p[w->len - 1] == '1' || w->p[w->len - 1] == '2'))
		if (!cut_digits(w, "_R", 1, 1) && !cut_digits(w, ".R", 1, 1))
			cut_digits(w, "_", 1, 1);
	cut_digits(w, "_L", 3, 3);
	cut_digits(w, "_S", 1, 4);
}

static bool stem(struct word w, struct word *ret)
{
	/* --in=FILE, I=FILE */
	const char *eq = w.len ? memchr(w.p, '=', w.len) : NULL;

	if (eq) {
		w.len -= (size_t)(eq + 1 - w.p);
		w.p = eq + 1;
	}
	w = word_basename(w);
	if (!cut_ending(&w))
		return false;
	while (cut_step(&w))
		;
	cut_read(&w);
	while (cut_step(&w))
		;
	*ret = w;
	return w.len > 0;
}

static bool files_agree(const struct argv_words *a, char ret[SAMPLE_MAX])
{
	struct word first = { NULL, 0 }, w;

	for (unsigned i = 1; i < a->n; i++) {
		if (!stem(a->w[i], &w))
			continue;
		if (first.p && (first.len != w.len || memcmp(first.p, w.p, w.len)))
			return false;
		first = w;
	}
	return first.p && keep(first, ret);
}

enum sample_source sample_of(struct bytes argv, bool files, char ret[SAMPLE_MAX])
{
	struct argv_words a;

	argv_split(argv, &a);
	if (argument(&a, ret))
		return SAMPLE_FROM_ARGUMENT;
	return files && files_agree(&a, ret) ? SAMPLE_FROM_FILES : SAMPLE_NONE;
}
