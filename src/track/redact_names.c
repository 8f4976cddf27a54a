/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of redaction, as docs/privacy.md lists them. No text is changed here. */
#include "src/track/redact_internal.h"

#include <ctype.h>
#include <strings.h>

#include "src/base/cleanup.h"

#define AT_OPTION (1u << SECRET_OPTION)
#define AT_ASSIGN (1u << SECRET_ASSIGN)
#define AT_QUERY  (1u << SECRET_QUERY)
#define AT_HEADER (1u << SECRET_HEADER)
#define AT_ALL	  (AT_OPTION | AT_ASSIGN | AT_QUERY | AT_HEADER)

/* The end of a name, '-' and '.' read as '_'. glued: what stands before it does
 * not matter (PGPASSWORD); otherwise a separator or a change to upper case. */
static const struct {
	const char *end;
	bool glued;
	unsigned places;
} secret_names[] = {
	{ "password", true, AT_ALL },
	{ "passwd", true, AT_ALL },
	{ "passphrase", true, AT_ALL },
	{ "secret", true, AT_ALL },
	{ "token", false, AT_ALL },
	{ "apikey", true, AT_ALL },
	{ "api_key", true, AT_ALL },
	{ "access_key", true, AT_ALL },
	{ "accesskey", true, AT_ALL },
	{ "secret_key", true, AT_ALL },
	{ "secretkey", true, AT_ALL },
	{ "account_key", false, AT_ALL },
	{ "accountkey", true, AT_ALL },
	{ "auth_key", false, AT_ALL },
	{ "_pass", true, AT_ASSIGN },
	{ "mysql_pwd", false, AT_ASSIGN },
	{ "authorization", true, AT_HEADER },
	{ "cookie", false, AT_HEADER },
	{ "signature", false, AT_QUERY },
	{ "sharedaccesssignature", true, AT_ALL },
	{ "sig", false, AT_QUERY },
	{ "credential", false, AT_QUERY },
	{ "awsaccesskeyid", false, AT_QUERY },
	{ "key", false, AT_QUERY },
	{ "code", false, AT_QUERY },
};

/* First parts of names that end like a secret and are none: language models
 * have pad tokens, programs have limits on tokens and flags about passwords. */
static const char *const harmless_starts[] = { "pad_",	"eos_",	 "bos_",    "unk_",	"sep_",
					       "cls_",	"mask_", "max_",    "min_",	"num_",
					       "stop_", "end_",	 "start_",  "special_", "next_",
					       "no_",	"ask_",	 "prompt_", "without_", "image_" };

static char fold(char c)
{
	return c == '-' || c == '.' ? '_' : (char)tolower((unsigned char)c);
}

static bool folds_to(const char *p, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (fold(p[i]) != text[i])
			return false;
	return true;
}

static bool starts_word(struct word name, size_t at)
{
	char before, here;

	if (!at)
		return true;
	before = name.p[at - 1];
	here = name.p[at];
	return fold(before) == '_' ||
	       (islower((unsigned char)before) && isupper((unsigned char)here));
}

const char *redact_name(struct word name, enum secret_place place)
{
	const char *rule = NULL;

	while (name.len && fold(*name.p) == '_') {
		name.p++;
		name.len--;
	}
	for (size_t i = 0; i < ARRAY_SIZE(secret_names) && !rule; i++) {
		size_t len = strlen(secret_names[i].end);

		if (!(secret_names[i].places & 1u << place) || name.len < len)
			continue;
		if (folds_to(name.p + name.len - len, secret_names[i].end, len) &&
		    (secret_names[i].glued || starts_word(name, name.len - len)))
			rule = secret_names[i].end;
	}
	for (size_t i = 0; i < ARRAY_SIZE(harmless_starts) && rule; i++) {
		size_t len = strlen(harmless_starts[i]);

		if (name.len > len && folds_to(name.p, harmless_starts[i], len))
			return NULL;
	}
	return rule;
}

bool redact_name_takes_line(struct word name)
{
	return (name.len >= 13 && folds_to(name.p + name.len - 13, "authorization", 13)) ||
	       (name.len >= 6 && folds_to(name.p + name.len - 6, "cookie", 6));
}

enum key_chars { UPPER_DIGIT, ALNUM, ALNUM_DASH };

static const struct {
	const char *rule, *prefix;
	enum key_chars chars;
	unsigned least;
} key_shapes[] = {
	{ "AWS key id", "AKIA", UPPER_DIGIT, 16 },
	{ "AWS key id", "ASIA", UPPER_DIGIT, 16 },
	{ "Google API key", "AIza", ALNUM_DASH, 35 },
	{ "Google access token", "ya29.", ALNUM_DASH, 20 },
	{ "GitHub token", "ghp_", ALNUM, 30 },
	{ "GitHub token", "gho_", ALNUM, 30 },
	{ "GitHub token", "ghu_", ALNUM, 30 },
	{ "GitHub token", "ghs_", ALNUM, 30 },
	{ "GitHub token", "ghr_", ALNUM, 30 },
	{ "GitHub token", "github_pat_", ALNUM_DASH, 22 },
	{ "GitLab token", "glpat-", ALNUM_DASH, 20 },
	{ "Slack token", "xoxa-", ALNUM_DASH, 10 },
	{ "Slack token", "xoxb-", ALNUM_DASH, 10 },
	{ "Slack token", "xoxp-", ALNUM_DASH, 10 },
	{ "Slack token", "xoxr-", ALNUM_DASH, 10 },
	{ "Slack token", "xoxs-", ALNUM_DASH, 10 },
	{ "Hugging Face token", "hf_", ALNUM, 30 },
	{ "npm token", "npm_", ALNUM, 36 },
	{ "PyPI token", "pypi-AgE", ALNUM_DASH, 50 },
	{ "API key", "sk-ant-", ALNUM_DASH, 20 },
	{ "API key", "sk-proj-", ALNUM_DASH, 20 },
	{ "API key", "sk-", ALNUM, 32 },
	{ "age key", "AGE-SECRET-KEY-1", UPPER_DIGIT, 20 },
};

static bool is_key_char(char c, enum key_chars chars)
{
	if (chars == UPPER_DIGIT)
		return isupper((unsigned char)c) || isdigit((unsigned char)c);
	return isalnum((unsigned char)c) || (chars == ALNUM_DASH && (c == '-' || c == '_'));
}

static size_t key_run(const char *p, const char *end, enum key_chars chars)
{
	const char *start = p;

	while (p < end && is_key_char(*p, chars))
		p++;
	return (size_t)(p - start);
}

/* Three base64url parts, the first two JSON objects: eyJ is `{"`. */
static size_t jwt_length(const char *p, const char *end)
{
	const char *start = p;
	size_t n;

	for (unsigned part = 0; part < 3; part++) {
		if (part < 2 && (end - p < 3 || memcmp(p, "eyJ", 3)))
			return 0;
		n = key_run(p, end, ALNUM_DASH);
		if (n < 4 && part < 2)
			return 0;
		p += n;
		if (part < 2 && (p == end || *p++ != '.'))
			return 0;
	}
	return (size_t)(p - start);
}

static size_t pem_length(const char *p, const char *end)
{
	static const char begin[] = "-----BEGIN ", last[] = "-----END ", dashes[] = "-----";
	const char *key, *stop;

	if ((size_t)(end - p) < sizeof(begin) || memcmp(p, begin, sizeof(begin) - 1))
		return 0;
	key = memmem(p, end - p < 60 ? (size_t)(end - p) : 60, "PRIVATE KEY", 11);
	if (!key)
		return 0;
	stop = memmem(key, (size_t)(end - key), last, sizeof(last) - 1);
	if (stop)
		stop = memmem(stop + 9, (size_t)(end - stop - 9), dashes, 5);
	return stop ? (size_t)(stop + 5 - p) : (size_t)(end - p);
}

size_t redact_shape(const char *p, const char *end, const char **ret_rule)
{
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(key_shapes); i++) {
		size_t len = strlen(key_shapes[i].prefix);

		if (*p != *key_shapes[i].prefix || (size_t)(end - p) < len + key_shapes[i].least ||
		    memcmp(p, key_shapes[i].prefix, len))
			continue;
		n = key_run(p + len, end, key_shapes[i].chars);
		if (n < key_shapes[i].least)
			continue;
		*ret_rule = key_shapes[i].rule;
		return len + n;
	}
	*ret_rule = *p == '-' ? "private key" : "JWT";
	return *p == '-' ? pem_length(p, end) : *p == 'e' ? jwt_length(p, end) : 0;
}

/* attached: the value follows in the same word (-pSECRET); both: there or next. */
enum { NEXT, ATTACHED, BOTH };

static const struct {
	const char *programs, *options;
	unsigned form;
} program_options[] = {
	{ " mysql mysqldump mysqladmin mysqlimport mysqlsh mariadb mariadb-dump mariadb-admin ",
	  " -p ", ATTACHED },
	{ " 7z 7za 7zr ", " -p ", ATTACHED },
	{ " sshpass ", " -p ", BOTH },
	{ " curl ", " -u -U -b ", BOTH },
	{ " curl ", " --user --proxy-user --oauth2-bearer --cookie ", NEXT },
	{ " redis-cli ", " -a --pass ", NEXT },
	{ " mongo mongosh mongodump mongorestore mongoexport mongoimport ", " -p ", BOTH },
	{ " login ", " -p ", BOTH },
	{ " ldapsearch ldapadd ldapmodify ldapdelete ldapwhoami ldappasswd ", " -w ", BOTH },
	{ " sqlcmd bcp ", " -P ", BOTH },
	{ " zip unzip ", " -P ", NEXT },
	{ " smbclient lftp ", " -U -u ", NEXT },
	{ " http https xh ", " -a --auth ", NEXT },
	{ " openssl ", " -pass -passin -passout ", NEXT },
};

static bool listed(const char *list, struct word w)
{
	char padded[64];

	if (!w.len || w.len > sizeof(padded) - 3)
		return false;
	padded[0] = ' ';
	memcpy(padded + 1, w.p, w.len);
	padded[w.len + 1] = ' ';
	padded[w.len + 2] = '\0';
	return strstr(list, padded) != NULL;
}

bool redact_is_program(struct word name)
{
	for (size_t i = 0; i < ARRAY_SIZE(program_options); i++)
		if (listed(program_options[i].programs, name))
			return true;
	return listed(" docker podman buildah skopeo nerdctl helm az oc crane oras ", name);
}

const char *redact_program_option(struct word program, struct word option, size_t *ret_prefix)
{
	struct word flag = { option.p, option.len < 2 ? option.len : 2 };

	for (size_t i = 0; i < ARRAY_SIZE(program_options) && program.len; i++) {
		if (!listed(program_options[i].programs, program))
			continue;
		*ret_prefix = 0;
		if (program_options[i].form != ATTACHED &&
		    listed(program_options[i].options, option))
			return "program option";
		*ret_prefix = 2;
		if (program_options[i].form != NEXT && option.len > 2 && option.p[1] != '-' &&
		    listed(program_options[i].options, flag))
			return "program option";
	}
	return NULL;
}

/* What must occur, in any case of letters, where a rule can fire: per first
 * letter, the rest. */
static const char *const triggers[26][8] = {
	['a' - 'a'] = { "kia", "sia", "iza", "uth", "ge-s" },
	['b' - 'a'] = { "cp" },
	['c' - 'a'] = { "ookie", "url", "redential", "ode=" },
	['e' - 'a'] = { "yj" },
	['g' - 'a'] = { "hp_", "ho_", "hu_", "hs_", "hr_", "ithub_p", "lpat-" },
	['h' - 'a'] = { "f_", "ttp" },
	['k' - 'a'] = { "ey" },
	['l' - 'a'] = { "ogin", "dap", "ftp" },
	['m' - 'a'] = { "ysql", "ongo", "ariadb" },
	['n' - 'a'] = { "pm_" },
	['o' - 'a'] = { "penssl" },
	['p' - 'a'] = { "ass", "wd=", "ypi-" },
	['r' - 'a'] = { "edis-" },
	['s' - 'a'] = { "ecret", "ig=", "ignature", "k-", "shpass", "qlcmd", "mbclient" },
	['t' - 'a'] = { "oken" },
	['x' - 'a'] = { "oxa-", "oxb-", "oxp-", "oxr-", "oxs-", "h" },
	['y' - 'a'] = { "a29" },
	['z' - 'a'] = { "ip" },
};

/* The second letters of those, so that most places cost one test. */
#define L(c) (1u << ((c) - 'a'))
static const uint32_t second_letters[26] = {
	['a' - 'a'] = L('g') | L('i') | L('k') | L('s') | L('u'),
	['b' - 'a'] = L('c'),
	['c' - 'a'] = L('o') | L('r') | L('u'),
	['e' - 'a'] = L('y'),
	['g' - 'a'] = L('h') | L('i') | L('l'),
	['h' - 'a'] = L('f') | L('t'),
	['k' - 'a'] = L('e'),
	['l' - 'a'] = L('d') | L('f') | L('o'),
	['m' - 'a'] = L('a') | L('o') | L('y'),
	['n' - 'a'] = L('p'),
	['o' - 'a'] = L('p'),
	['p' - 'a'] = L('a') | L('w') | L('y'),
	['r' - 'a'] = L('e'),
	['s' - 'a'] = L('e') | L('i') | L('k') | L('m') | L('q') | L('s'),
	['t' - 'a'] = L('o'),
	['x' - 'a'] = L('h') | L('o'),
	['y' - 'a'] = L('a'),
	['z' - 'a'] = L('i'),
};

static bool trigger_at(const char *p, const char *end, const char *rest)
{
	for (p++; *rest; p++, rest++)
		if (p >= end || (isupper((unsigned char)*p) ? *p | 0x20 : *p) != *rest)
			return false;
	return true;
}

bool redact_may_apply(const char *p, size_t len)
{
	const char *end = p + len, *start = p;

	for (; p + 1 < end; p++) {
		unsigned letter = (unsigned)((unsigned char)*p | 0x20) - 'a';
		unsigned second = (unsigned)((unsigned char)p[1] | 0x20) - 'a';

		if (letter >= 26) {
			if ((*p == '@' && memmem(start, (size_t)(p - start), "://", 3)) ||
			    (*p == '7' && p[1] == 'z'))
				return true;
			continue;
		}
		if (second >= 26 || !(second_letters[letter] & 1u << second))
			continue;
		for (const char *const *t = triggers[letter]; t < triggers[letter] + 8 && *t; t++)
			if (trigger_at(p, end, *t))
				return true;
	}
	return false;
}
