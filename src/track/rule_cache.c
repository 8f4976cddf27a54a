/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What patterns said of a cgroup's path. All programs of a container are in one
 * group, and each exec asks again: 30 us each in a pod without this.
 */
#include "src/track/rules_internal.h"

static unsigned slot_of(const struct pattern *p, const char *path, unsigned group)
{
	uint64_t hash = ((uintptr_t)p >> 4) * 0x9e3779b97f4a7c15ULL;

	hash ^= ((uintptr_t)path >> 4) * 0xc2b2ae3d27d4eb4fULL;
	hash ^= group * 0x165667b19e3779f9ULL;
	return (unsigned)(hash >> 40) % RULE_CACHE_SLOTS;
}

static struct rule_memo look(const struct pattern *p, const char *path, unsigned group)
{
	struct rule_memo memo = { .pattern = p, .path = path, .group = group };
	regmatch_t groups[RULE_GROUPS_MAX];
	struct word text = word_of(path);

	if (group == RULE_NO_GROUP) {
		memo.matches = pattern_matches(p, text);
	} else if (pattern_groups(p, text, groups) && groups[group].rm_so >= 0) {
		memo.matches = true;
		memo.from = (uint16_t)groups[group].rm_so;
		memo.to = (uint16_t)groups[group].rm_eo;
	}
	return memo;
}

bool rule_cgroup_matches(const struct rule_input *in, const struct pattern *p, unsigned group,
			 struct word *ret)
{
	struct rule_memo memo, *slot;

	if (!in->cgroup)
		return false;
	if (!in->cache) {
		memo = look(p, in->cgroup, group);
	} else {
		slot = &in->cache->slots[slot_of(p, in->cgroup, group)];
		if (slot->pattern != p || slot->path != in->cgroup || slot->group != group)
			*slot = look(p, in->cgroup, group);
		memo = *slot;
	}
	if (memo.matches && ret)
		*ret = (struct word){ in->cgroup + memo.from, (size_t)(memo.to - memo.from) };
	return memo.matches;
}
