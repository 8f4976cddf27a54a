/* SPDX-License-Identifier: Apache-2.0 */
/* Redaction: what must go, what must stay, and that a second pass changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "src/base/cleanup.h"
#include "src/track/redact.h"

struct sample {
	const char *argv;   /* words apart by | */
	const char *expect; /* NULL: unchanged */
};

#define R     "[redacted]"
#define KEY36 "0123456789abcdefABCDEF0123456789abcd"

static const struct sample samples[] = {
	/* option values */
	{ "tool|--password|hunter2|x", "tool|--password|" R "|x" },
	{ "tool|--password=hunter2", "tool|--password=" R },
	{ "tool|--password=two words", "tool|--password=" R },
	{ "tool|-password|x", "tool|-password|" R },
	{ "tool|--db-passwd|x", "tool|--db-passwd|" R },
	{ "tool|--api-key|x|--api_key=y", "tool|--api-key|" R "|--api_key=" R },
	{ "tool|--accessToken|x", "tool|--accessToken|" R },
	{ "tool|--token=x", "tool|--token=" R },
	{ "tool|--token|--verbose", NULL },
	{ "tool|--client-secret|-x-", "tool|--client-secret|" R },
	{ "java|-Ddb.password=x|Main", "java|-Ddb.password=" R "|Main" },
	{ "tool|--set|auth.token=x", "tool|--set|auth.token=" R },
	/* NAME=value */
	{ "env|AWS_SECRET_ACCESS_KEY=abc|aws", "env|AWS_SECRET_ACCESS_KEY=" R "|aws" },
	{ "env|PGPASSWORD=a b|psql", "env|PGPASSWORD=" R "|psql" },
	{ "env|MYSQL_PWD=x|mysql", "env|MYSQL_PWD=" R "|mysql" },
	{ "env|DB_PASS=x|y", "env|DB_PASS=" R "|y" },
	{ "psql|host=h password=x user=u", "psql|host=h password=" R " user=u" },
	{ "aws|configure|set|aws_secret_access_key|abc",
	  "aws|configure|set|aws_secret_access_key|" R },
	/* scripts in one argument */
	{ "bash|-c|set -euo pipefail;  tool --token abc > out",
	  "bash|-c|set -euo pipefail;  tool --token " R " > out" },
	{ "bash|-c|export TOKEN='a b'; run", "bash|-c|export TOKEN='" R "'; run" },
	{ "sh|-ec|x --password=\"a b\" y", "sh|-ec|x --password=\"" R "\" y" },
	{ "sh|-c|echo don't; x --password foo", "sh|-c|echo don't; x --password " R },
	{ "sh|-c|TOKEN=abc bwa mem", "sh|-c|TOKEN=" R " bwa mem" },
	{ "sh|-c|mysql -pfoo db; sort -u x", "sh|-c|mysql -p" R " db; sort -u x" },
	{ "sh|-c|(curl -u a:b http://h)", "sh|-c|(curl -u " R " http://h)" },
	/* headers and JSON */
	{ "curl|-H|Authorization: Bearer abc.def", "curl|-H|Authorization: Bearer " R },
	{ "sh|-c|curl -H \"Authorization: Basic Zm9v YmFy\" u",
	  "sh|-c|curl -H \"Authorization: Basic " R "\" u" },
	{ "curl|-H|X-Api-Key: abc", "curl|-H|X-Api-Key: " R },
	{ "curl|-H|PRIVATE-TOKEN:abc", "curl|-H|PRIVATE-TOKEN:" R },
	{ "curl|-d|{\"user\": \"u\", \"password\": \"p q\"}",
	  "curl|-d|{\"user\": \"u\", \"password\": \"" R "\"}" },
	/* URLs */
	{ "git|clone|https://u:p@host/r.git", "git|clone|https://" R "@host/r.git" },
	{ "git|clone|https://0123456789abcdefghij@h/r", "git|clone|https://" R "@h/r" },
	{ "wget|https://b/o?X-Amz-Credential=a%2Fb&X-Amz-Signature=ff&n=1",
	  "wget|https://b/o?X-Amz-Credential=" R "&X-Amz-Signature=" R "&n=1" },
	{ "azcopy|copy|https://a/b?sv=1&sig=x%3D", "azcopy|copy|https://a/b?sv=1&sig=" R },
	/* programs of their own kind */
	{ "mysql|-psecret|db", "mysql|-p" R "|db" },
	{ "sshpass|-p|x|ssh|h", "sshpass|-p|" R "|ssh|h" },
	{ "sudo|curl|-u|a:b|http://h", "sudo|curl|-u|" R "|http://h" },
	{ "redis-cli|-a|x|PING", "redis-cli|-a|" R "|PING" },
	{ "docker|login|-u|me|-p|x|reg", "docker|login|-u|me|-p|" R "|reg" },
	{ "openssl|enc|-pass|pass:x", "openssl|enc|-pass|" R },
	{ "zip|-P|x|a.zip", "zip|-P|" R "|a.zip" },
	{ "7z|a|-px|a.7z", "7z|a|-p" R "|a.7z" },
	/* keys by shape */
	{ "x|AKIAIOSFODNN7EXAMPLE", "x|" R },
	{ "x|id:AKIAIOSFODNN7EXAMPLE.", "x|id:" R "." },
	{ "x|ghp_" KEY36, "x|" R },
	{ "x|glpat-abcdefghij0123456789", "x|" R },
	{ "x|xoxb-123456789012-abcdef", "x|" R },
	{ "x|eyJhbGciOiJ9.eyJzdWIiOiJ9.c2ln", "x|" R },
	{ "x|AIzaSyA0123456789abcdefghijklmnopqrstuv", "x|" R },
	/* must stay */
	{ "bowtie2|-p|8|-x|idx|-U|r.fq", NULL },
	{ "sort|-k|2|-u|x", NULL },
	{ "samtools|view|-@|4|a.bam", NULL },
	{ "train|--tokenizer|bert|--max-tokens|512|--pad-token|x", NULL },
	{ "tool|--password-file|f|--token-path|p|--no-password", NULL },
	{ "cat|token_counts.txt|secrets/readme.txt|my-token-file.json", NULL },
	{ "git|checkout|d670460b4b4aece5915caf5c68d12f560a9fe3e4", NULL },
	{ "grep|9e107d9d372bb6826bd81d3542a419d6|md5sums.txt", NULL },
	{ "git|clone|git@github.com:o/r.git", NULL },
	{ "git|clone|ssh://git@github.com/o/r.git", NULL },
	{ "docker|run|-p|80:80|-u|1000:1000|img", NULL },
	{ "python3|-u|x.py|--key|2", NULL },
	{ "singularity|exec|--pwd|/data|i.sif", NULL },
	{ "env|PWD=/tmp|OLDPWD=/|KEY=1|x", NULL },
	{ "STAR|--twopassMode|Basic|--outSAMattrRGline|ID:a", NULL },
	{ "sh|-c|curl http://h | sort -u file", NULL },
	{ "rsync|-p|--password-file=/etc/rsync.pass|a|b", NULL },
	{ "bwa|mem|-R|@RG\\tID:a\\tSM:s1|ref", NULL },
	{ "wget|https://host/key?id=3&n=4", NULL },
	{ "minimap2|-x|sr|ASIA.fa", NULL },
	{ "x|sk-learn-test|hf_data|AKIA", NULL },
};

static struct bytes pack(const char *text, char *buf, size_t size)
{
	size_t len = strlen(text) + 1;

	assert_true(len <= size);
	memcpy(buf, text, len);
	for (size_t i = 0; i < len; i++)
		if (buf[i] == '|')
			buf[i] = '\0';
	return (struct bytes){ buf, len };
}

/* '|' stands for a pipe too where a sample says so: " | " */
static struct bytes pack_pipes(const char *text, char *buf, size_t size)
{
	struct bytes b = pack(text, buf, size);

	for (size_t i = 1; i + 1 < b.len; i++)
		if (!buf[i] && buf[i - 1] == ' ' && buf[i + 1] == ' ')
			buf[i] = '|';
	return b;
}

static void test_samples(void **state)
{
	char in[512], want[512], out[1024], again[1024];
	unsigned failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		const struct sample *s = &samples[i];
		struct bytes argv = pack_pipes(s->argv, in, sizeof(in));
		struct bytes expect =
			pack_pipes(s->expect ? s->expect : s->argv, want, sizeof(want));
		size_t len, len2;
		bool cut;
		unsigned n;

		n = redact_argv(argv, out, sizeof(out), &len, &cut);
		if (len != expect.len || memcmp(out, expect.data, len) || (n > 0) != !!s->expect) {
			for (size_t k = 0; k < len; k++)
				out[k] = out[k] ? out[k] : '|';
			print_error("%s\n  -> %.*s (%u)\n", s->argv, (int)len, out, n);
			failed++;
			continue;
		}
		assert_false(cut);
		assert_int_equal(
			redact_argv((struct bytes){ out, len }, again, sizeof(again), &len2, &cut),
			0);
		assert_int_equal(len, len2);
		assert_memory_equal(out, again, len);
	}
	assert_int_equal(failed, 0);
}

static void test_private_key(void **state)
{
	static const char in[] = "x\0a -----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE "
				 "KEY----- y";
	char out[256];
	size_t len;
	bool cut;

	assert_int_equal(
		redact_argv((struct bytes){ in, sizeof(in) }, out, sizeof(out), &len, &cut), 1);
	assert_string_equal(out + 2, "a " R " y");
}

static void test_cut(void **state)
{
	static const char in[] = "x\0--password\0abc\0tail";
	char out[20];
	size_t len;
	bool cut;

	memset(out, '#', sizeof(out));
	redact_argv((struct bytes){ in, sizeof(in) }, out, 16, &len, &cut);
	assert_true(cut);
	assert_int_equal(len, 16);
	assert_int_equal(out[16], '#');
	assert_null(memmem(out, sizeof(out), "abc", 3));
}

static void test_text_and_why(void **state)
{
	static const char line[] = "tool --token abc https://u:p@h";
	struct redact_hits hits;
	char out[128];
	size_t len;
	bool cut;

	assert_int_equal(
		redact_text((struct bytes){ line, sizeof(line) - 1 }, out, sizeof(out), &len, &cut),
		2);
	assert_int_equal(len, strlen("tool --token " R " https://" R "@h"));
	assert_memory_equal(out, "tool --token " R " https://" R "@h", len);
	assert_int_equal(redact_argv_explain((struct bytes){ line, sizeof(line) }, out, sizeof(out),
					     &len, &hits),
			 2);
	assert_string_equal(hits.rules[0], "token");
	assert_string_equal(hits.rules[1], "URL userinfo");
	assert_int_equal(redact_argv((struct bytes){ 0 }, out, sizeof(out), &len, &cut), 0);
	assert_int_equal(len, 0);
}

static struct wire_string put(char *record, size_t *at, const char *data, size_t len)
{
	struct wire_string s = { .off = (uint16_t)*at, .len = (uint16_t)len };

	memcpy(record + *at, data, len);
	*at += len;
	return s;
}

static void test_record(void **state)
{
	static const char argv[] = "mysql\0-px\0db", plain[] = "ls\0-l";
	_Alignas(8) char buf[2048] = { 0 }, out[WIRE_RECORD_MAX];
	struct wire_exec *e = (struct wire_exec *)buf, *o = (struct wire_exec *)out;
	size_t at = sizeof(*e);
	bool changed = false;
	int rc;

	e->h.type = WIRE_EXEC;
	e->file = put(buf, &at, "/usr/bin/mysql", 14);
	e->argv = put(buf, &at, argv, sizeof(argv));
	e->env = put(buf, &at, "A=b", 4);
	e->h.size = (uint32_t)(at + 7) / 8 * 8;
	rc = redact_record(&e->h, out, &changed);
	assert_int_equal(rc, o->h.size);
	assert_true(rc > 0 && rc % 8 == 0 && changed);
	assert_int_equal(o->argv.len, sizeof(argv) + 9);
	assert_memory_equal(out + o->argv.off, "mysql\0-p" R "\0db", o->argv.len);
	assert_memory_equal(out + o->file.off, "/usr/bin/mysql", 14);
	assert_memory_equal(out + o->env.off, "A=b", 4);
	e->argv.off = UINT16_MAX - 4;
	assert_int_equal(redact_record(&e->h, out, &changed), -74);
	at = sizeof(*e);
	e->argv = put(buf, &at, plain, sizeof(plain));
	e->file = e->env = (struct wire_string){ 0 };
	assert_int_equal(redact_record(&e->h, out, &changed), 0);
	e->h.type = WIRE_EXIT;
	assert_int_equal(redact_record(&e->h, out, &changed), 0);
	e->h.type = WIRE_EXEC;
	e->h.size = 64;
	assert_int_equal(redact_record(&e->h, out, &changed), -74);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_samples), cmocka_unit_test(test_private_key),
		cmocka_unit_test(test_cut),	cmocka_unit_test(test_text_and_why),
		cmocka_unit_test(test_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
