/* SPDX-License-Identifier: Apache-2.0 */
/* What the daemon counts of its process, under the names that every program uses. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "measure/measure.h"
#include "server/server_private.h"

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void read_cpu(void *self, pdb_sample_fn sample, void *arg)
{
	struct rusage usage;

	(void)self;
	if (getrusage(RUSAGE_SELF, &usage) == 0) {
		sample(arg, NULL, seconds(usage.ru_utime) + seconds(usage.ru_stime));
	}
}

/* Pages in all, and in memory. */
static bool read_pages(unsigned long *all, unsigned long *resident)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[256];
	char *end;
	bool read = file != NULL && fgets(line, sizeof(line), file) != NULL;

	if (read) {
		*all = strtoul(line, &end, 10);
		*resident = strtoul(end, NULL, 10);
	}
	if (file != NULL) {
		(void)fclose(file);
	}
	return read;
}

static void read_resident(void *self, pdb_sample_fn sample, void *arg)
{
	unsigned long all;
	unsigned long resident;

	(void)self;
	if (read_pages(&all, &resident)) {
		sample(arg, NULL, (double)resident * (double)sysconf(_SC_PAGESIZE));
	}
}

static void read_virtual(void *self, pdb_sample_fn sample, void *arg)
{
	unsigned long all;
	unsigned long resident;

	(void)self;
	if (read_pages(&all, &resident)) {
		sample(arg, NULL, (double)all * (double)sysconf(_SC_PAGESIZE));
	}
}

static size_t count_entries(const char *path)
{
	DIR *directory = opendir(path);
	size_t count = 0;

	while (directory != NULL && readdir(directory) != NULL) {
		count++;
	}
	if (directory != NULL) {
		(void)closedir(directory);
	}
	return count > 3 ? count - 3 : 0; /* ".", ".." and the one that reads */
}

/* Newer kernels tell the number as a size, older ones want it to be counted. */
static void read_descriptors(void *self, pdb_sample_fn sample, void *arg)
{
	struct stat info;
	double count;

	(void)self;
	if (stat("/proc/self/fd", &info) == 0 && info.st_size > 0) {
		count = (double)info.st_size;
	} else {
		count = (double)count_entries("/proc/self/fd");
	}
	sample(arg, NULL, count);
}

static void read_descriptors_max(void *self, pdb_sample_fn sample, void *arg)
{
	struct rlimit limit;

	(void)self;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		sample(arg, NULL, (double)limit.rlim_cur);
	}
}

static void read_start(void *self, pdb_sample_fn sample, void *arg)
{
	const pdb_server *server = self;

	sample(arg, NULL, (double)server->started / (double)PDB_NS_PER_SECOND);
}

#define METRIC(kind_, name_, help_, ...)                                                           \
	{                                                                                          \
		.size = sizeof(pdb_metric), .kind = PDB_METRIC_##kind_, .name = (name_),           \
		.help = (help_), __VA_ARGS__                                                       \
	}

static const pdb_metric metrics[] = {
	METRIC(COUNTER, "process_cpu_seconds", "CPU time, of user and system.", .unit = "seconds",
	       .read = read_cpu),
	METRIC(GAUGE, "process_resident_memory_bytes", "Memory in use.", .unit = "bytes",
	       .read = read_resident),
	METRIC(GAUGE, "process_virtual_memory_bytes", "Address space in use.", .unit = "bytes",
	       .read = read_virtual),
	METRIC(GAUGE, "process_open_fds", "Open descriptors.", .read = read_descriptors),
	METRIC(GAUGE, "process_max_fds", "Descriptors that may be open.",
	       .read = read_descriptors_max),
	METRIC(GAUGE, "process_start_time_seconds", "When the process started, since 1970.",
	       .unit = "seconds", .read = read_start),
};

pdb_status pdb__process_measure(pdb_server *server, pdb_err *err)
{
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]) && status == PDB_OK; i++) {
		status = pdb_measure_add("server", &metrics[i], server, NULL, err);
	}
	return status;
}
