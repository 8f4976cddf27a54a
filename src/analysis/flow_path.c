/* SPDX-License-Identifier: Apache-2.0 */
#include "src/analysis/flow_path.h"

#include <string.h>

#include "src/analysis/file_role.h"
#include "src/base/cleanup.h"

/* Directories of bookkeeping and caches, wherever they lie. Snakemake's shadow
 * directories and its storage are where jobs have their real files. */
static const char *const private_directories[] = {
	"/.snakemake/", "/.nextflow/", "/.git/",	 "/.cache/",	 "/.conda/",
	"/.config/",	"/.local/",    "/.singularity/", "/.apptainer/", "/.ipython/",
	"/.java/",	"/.m2/",       "/.npm/",	 "/.nv/",	 "/__pycache__/",
};
static const char *const data_directories[] = { "/.snakemake/shadow/", "/.snakemake/storage/" };

/* What Nextflow puts beside the data of a task. */
static const char *const private_names[] = { ".command.", ".exitcode", ".nextflow.log" };

static bool starts(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

/* A job's own record in the job store of Toil, which jobs hand to their followers, and
 * what all of them need: JOBSTORE/jobs/kind-NAME/instance-ID/..., files/shared/X.pickle.
 * The data are elsewhere in JOBSTORE/files. */
static bool is_job_record(const char *path)
{
	const char *found = strstr(path, "/jobs/kind-");
	const char *shared = strstr(path, "/files/shared/");

	if (shared && strstr(shared, ".pickle"))
		return true;
	return found && strstr(found, "/instance-");
}

/* Most paths have neither: they are told by two searches. */
static bool may_be_listed(const char *path)
{
	return strstr(path, "/.") || strstr(path, "/__pycache__/");
}

static bool is_listed(const char *path)
{
	if (!may_be_listed(path))
		return is_job_record(path);
	for (size_t i = 0; i < ARRAY_SIZE(data_directories); i++)
		if (strstr(path, data_directories[i]))
			return false;
	for (size_t i = 0; i < ARRAY_SIZE(private_directories); i++)
		if (strstr(path, private_directories[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(private_names); i++)
		if (starts(flow_base_name(path), private_names[i]))
			return true;
	return is_job_record(path);
}

/* What follows cwd in path, with its leading slash; NULL if path lies elsewhere. */
static const char *below(const char *path, const char *cwd)
{
	size_t len = cwd ? strlen(cwd) : 0;

	if (len < 2 || strncmp(path, cwd, len) != 0 || path[len] != '/')
		return NULL;
	return path + len;
}

bool flow_path_is_private(const char *path, const char *cwd)
{
	static const char *const kernel[] = { "/proc/", "/sys/", "/dev/", "/run/" };
	const char *inside = below(path, cwd);

	for (size_t i = 0; i < ARRAY_SIZE(kernel) && !inside; i++)
		if (starts(path, kernel[i]))
			return !starts(path, "/dev/shm/");
	if (is_listed(inside ? inside : path))
		return true;
	for (const char *at = inside ? NULL : strstr(path, "/."); at; at = strstr(at + 1, "/."))
		if (at[2] != '/' && at[2] != '.' && strchr(at + 2, '/'))
			return !strstr(path, data_directories[0]) &&
			       !strstr(path, data_directories[1]);
	return false;
}

bool flow_path_is_software(const char *path)
{
	return file_place(path) > 0;
}

const char *flow_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
