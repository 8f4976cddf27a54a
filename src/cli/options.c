/* SPDX-License-Identifier: Apache-2.0 */
/*
 * getopt_long driven by option tables, and the help text from the same tables.
 * Messages are our own, because getopt's do not suggest anything.
 */
#include "src/cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cleanup.h"
#include "src/base/log.h"
#include "src/base/str.h"
#include "src/cli/cli.h"

#define OPTIONS_MAX 48
#define VALUE_BASE  256 /* above every letter */

struct parser {
	struct option longs[OPTIONS_MAX + 2];
	char shorts[2 * OPTIONS_MAX + 8];
	size_t n;
};

int options_misuse(const struct command_spec *spec, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	log_error("%s (see `tracer %s --help`)", text, spec->name);
	return EXIT_USAGE;
}

static void parser_init(struct parser *p, const struct command_spec *spec)
{
	char *s = p->shorts;

	*p = (struct parser){ 0 };
	if (spec->in_order)
		*s++ = '+';
	*s++ = ':';
	*s++ = 'h';
	for (const struct option_spec *o = spec->options; o->name && p->n < OPTIONS_MAX; o++) {
		p->longs[p->n] = (struct option){
			.name = o->name,
			.has_arg = o->kind == OPTION_FLAG ? no_argument : required_argument,
			.val = VALUE_BASE + (int)p->n,
		};
		if (o->letter)
			*s++ = o->letter;
		if (o->letter && o->kind != OPTION_FLAG)
			*s++ = ':';
		p->n++;
	}
	p->longs[p->n] = (struct option){ .name = "help", .val = 'h' };
}

static const struct option_spec *option_of(const struct command_spec *spec, int value)
{
	if (value >= VALUE_BASE)
		return &spec->options[value - VALUE_BASE];
	for (const struct option_spec *o = spec->options; o->name; o++)
		if (o->letter && o->letter == value)
			return o;
	return NULL;
}

static int choice_index(const char *choices, const char *word)
{
	size_t len = strlen(word);
	int i = 0;

	for (const char *p = choices;; i++) {
		size_t n = strcspn(p, "|");

		if (n == len && !strncmp(p, word, n))
			return i;
		if (!p[n])
			return -1;
		p += n + 1;
	}
}

static int set_count(const struct command_spec *spec, const struct option_spec *o, const char *arg,
		     unsigned *value)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(arg, &end, 10);
	if (errno || end == arg || *end || *arg == '-' || n > UINT_MAX)
		return options_misuse(spec, "--%s wants a number, not `%s`", o->name, arg);
	*value = (unsigned)n;
	return 0;
}

static int set_value(const struct command_spec *spec, const struct option_spec *o, void *values,
		     const char *arg)
{
	void *at = (char *)values + o->offset;
	struct option_list *list;
	int index;

	switch (o->kind) {
	case OPTION_FLAG:
		*(bool *)at = true;
		break;
	case OPTION_TEXT:
		*(const char **)at = arg;
		break;
	case OPTION_COUNT:
		return set_count(spec, o, arg, at);
	case OPTION_CHOICE:
		index = choice_index(o->argument, arg);
		if (index < 0)
			return options_misuse(spec, "--%s is one of %s, not `%s`", o->name,
					      o->argument, arg);
		*(int *)at = index;
		break;
	case OPTION_LIST:
		list = at;
		if (list->n == OPTION_LIST_MAX)
			return options_misuse(spec, "--%s: at most %d times", o->name,
					      OPTION_LIST_MAX);
		list->items[list->n++] = arg;
		break;
	}
	return 0;
}

static int unknown_long(const struct command_spec *spec, const struct parser *p, const char *word)
{
	const char *names[OPTIONS_MAX + 1], *near;
	char name[64];

	str_copy(name, sizeof(name), word + 2);
	name[strcspn(name, "=")] = '\0';
	for (size_t i = 0; i <= p->n; i++)
		names[i] = p->longs[i].name;
	near = suggest(name, names, p->n + 1);
	if (near)
		return options_misuse(spec, "no such option: --%s; did you mean --%s?", name, near);
	return options_misuse(spec, "no such option: --%s", name);
}

/* optopt: 0 for an unknown long option, else the letter or value at fault. */
static int bad_option(const struct command_spec *spec, const struct parser *p, int c, char **argv)
{
	const struct option_spec *o;

	if (!optopt)
		return unknown_long(spec, p, argv[optind - 1]);
	o = option_of(spec, optopt);
	if (!o)
		return options_misuse(spec, "no such option: -%c", optopt);
	if (c == ':')
		return options_misuse(spec, "--%s wants a value: %s", o->name, o->argument);
	return options_misuse(spec, "--%s takes no value", o->name);
}

int options_parse(const struct command_spec *spec, void *values, int argc, char **argv, int *ret_rc)
{
	struct parser p;
	int c;

	parser_init(&p, spec);
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, p.shorts, p.longs, NULL)) != -1) {
		if (c == 'h' && !option_of(spec, 'h')) {
			options_help(spec, stdout);
			*ret_rc = EXIT_OK;
			return -1;
		}
		*ret_rc = c == '?' || c == ':'
				  ? bad_option(spec, &p, c, argv)
				  : set_value(spec, option_of(spec, c), values, optarg);
		if (*ret_rc)
			return -1;
	}
	if (spec->max_words && (unsigned)(argc - optind) > spec->max_words) {
		*ret_rc = options_misuse(spec, "one word too many: `%s`",
					 argv[optind + (int)spec->max_words]);
		return -1;
	}
	return optind;
}

static void help_option(const struct option_spec *o, FILE *out)
{
	_cleanup_(str_fini) struct str left = STR_INIT;

	str_addf(&left, "  %c%c%s --%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ',
		 o->letter ? "," : " ", o->name);
	if (o->argument)
		str_addf(&left, "=%s", o->argument);
	if (left.len > 30)
		fprintf(out, "%s\n%*s", str_text(&left), 32, "");
	else
		fprintf(out, "%-32s", str_text(&left));
	for (const char *p = o->help; *p;) {
		size_t n = strcspn(p, "\n");

		fprintf(out, "%.*s\n", (int)n, p);
		p += n;
		if (*p)
			fprintf(out, "%*s", ++p ? 32 : 0, "");
	}
}

void options_help(const struct command_spec *spec, FILE *out)
{
	static const struct option_spec help = { "help", 'h',  OPTION_FLAG,
						 0,	 NULL, "print this help" };

	fprintf(out, "Usage: tracer %s [OPTION...] %s\n\n%s\n\nOptions:\n", spec->name, spec->words,
		spec->about);
	for (const struct option_spec *o = spec->options; o->name; o++)
		help_option(o, out);
	help_option(&help, out);
}
