/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which variables a rule may ask for. A name that a rule lists is read from every
 * environment that is looked at, and kept: so it must be whole, and not one that
 * is known to hold secrets, parameters or who somebody is.
 */
#include "src/base/cleanup.h"
#include "src/track/redact_internal.h"
#include "src/track/rules_yaml.h"

#define ENV_NAME_MAX 39 /* what the kernel's walk compares, bpf/state.h */

static const char *refuse(const char *name)
{
	static const struct {
		const char *name; /* or, with a '*' before it, the end of one */
		const char *why;
	} denied[] = {
		{ "NXF_CLI", "holds a command line with its parameters" },
		{ "ARGO_TEMPLATE", "holds values of parameters" },
		{ "*_ARGS", "holds a command line with its parameters" },
		{ "*_ARGS_JSON", "holds a command line with its parameters" },
		{ "*_EMAIL", "says who somebody is" },
		{ "*_OWNER", "says who somebody is" },
		{ "ECS_CONTAINER_METADATA_URI", "is an endpoint that gives credentials" },
		{ "ECS_CONTAINER_METADATA_URI_V4", "is an endpoint that gives credentials" },
	};
	struct word w = word_of(name);
	size_t plain = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_");

	if (!w.len || plain != w.len || (*name >= '0' && *name <= '9'))
		return "is no name of a variable";
	if (w.len > ENV_NAME_MAX)
		return "is longer than 39 bytes";
	if (name[w.len - 1] == '_')
		return "looks like the beginning of a name; only whole names are compared";
	if (redact_name(w, SECRET_ASSIGN))
		return "is a name of secrets";
	for (size_t i = 0; i < ARRAY_SIZE(denied); i++) {
		const char *d = denied[i].name;

		if (*d == '*' ? word_ends(w, d + 1) : word_is(w, d))
			return denied[i].why;
	}
	return NULL;
}

int yaml_check_env(struct binder *b, const yaml_node_t *node, const char *name)
{
	const char *why = refuse(name);

	return why ? yaml_fail(b, node, "'%.60s' %s", name, why) : 0;
}
