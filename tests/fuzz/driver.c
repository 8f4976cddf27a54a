/* SPDX-License-Identifier: Apache-2.0 */
/*
 * driver ROUNDS SKIP FILE...: each file through the fuzz target as it is, then
 * ROUNDS times with random bytes, numbers and blocks of it changed. SKIP bytes at
 * the head are left out. The changes depend on ROUNDS alone: a failure repeats.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

#define FILE_MAX (256u << 10)

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13; /* xorshift64, Marsaglia 2003 */
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void change(uint8_t *data, size_t size, uint64_t *state)
{
	static const uint64_t odd[] = { 0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, UINT64_MAX };
	uint64_t n = next_random(state) % 16 + 1;

	while (n--) {
		size_t at = next_random(state) % size, len = next_random(state) % 8 + 1;
		size_t from = next_random(state) % size;
		uint64_t value = next_random(state);

		if (len > size - at)
			len = size - at;
		if (value % 4 == 0)
			value = odd[next_random(state) % (sizeof(odd) / sizeof(odd[0]))];
		if (value % 4 == 1 && from + 64 <= size && at + 64 <= size)
			memmove(data + at, data + from, 64);
		else
			memcpy(data + at, &value, len);
	}
}

static int run(const char *path, unsigned rounds, size_t skip)
{
	uint8_t *whole = malloc(FILE_MAX), *copy = malloc(FILE_MAX);
	FILE *f = fopen(path, "rb");
	uint64_t state = 88172645463325252ULL;
	size_t size;

	if (!whole || !copy || !f)
		return 1;
	size = fread(whole, 1, FILE_MAX, f);
	fclose(f);
	if (size <= skip)
		return 1;
	LLVMFuzzerTestOneInput(whole + skip, size - skip);
	for (; rounds; rounds--) {
		memcpy(copy, whole + skip, size - skip);
		change(copy, size - skip, &state);
		LLVMFuzzerTestOneInput(copy, size - skip);
	}
	free(whole);
	free(copy);
	return 0;
}

int main(int argc, char **argv)
{
	int i, failed = argc < 4;

	for (i = 3; i < argc; i++)
		failed |= run(argv[i], (unsigned)strtoul(argv[1], NULL, 10),
			      strtoul(argv[2], NULL, 10));
	if (failed)
		fprintf(stderr, "usage: driver ROUNDS SKIP FILE...\n");
	return failed;
}
