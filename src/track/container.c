/* SPDX-License-Identifier: Apache-2.0 */
#include "src/track/container.h"

#include <string.h>

#define CONTAINER_ID_LEN 64

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* What may stand around an id: "docker-<id>.scope", "cri-containerd-<id>.scope",
 * "cri-containerd:<id>", "libpod-conmon-<id>.scope" or the id alone. */
static bool is_border(char c)
{
	return c == '\0' || c == '/' || c == '-' || c == ':' || c == '.';
}

bool container_from_cgroup(const char *path, char ret[CONTAINER_ID_SHOWN + 1])
{
	const char *found = NULL, *p = path;
	size_t len;

	while (*p) {
		for (len = 0; is_hex(p[len]); len++)
			;
		if (len == CONTAINER_ID_LEN && is_border(p[len]) && p > path && is_border(p[-1]))
			found = p;
		p += len ? len : 1;
	}
	if (!found)
		return false;
	memcpy(ret, found, CONTAINER_ID_SHOWN);
	ret[CONTAINER_ID_SHOWN] = '\0';
	return true;
}
