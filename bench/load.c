/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator: asks a server as fast as it answers, and reports one line of JSON. */
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "process.h"
#include "swarm.h"

#define SWARMS_MAX 8u

#define TEXT_MAX (1u << 20)

typedef struct options {
	pdb_swarm_plan plan;
	size_t connections;
	size_t swarms;
	double seconds;
	double warmup;
	long pid;
} options;

static const struct option names[] = {
	{"host", required_argument, NULL, 'h'},
	{"port", required_argument, NULL, 'p'},
	{"key", required_argument, NULL, 'k'},
	{"get", required_argument, NULL, 'g'},
	{"post", required_argument, NULL, 'o'},
	{"body", required_argument, NULL, 'b'},
	{"text", required_argument, NULL, 'f'},
	{"piece", required_argument, NULL, 'n'},
	{"post-percent", required_argument, NULL, 'x'},
	{"threads", required_argument, NULL, 't'},
	{"seqs", required_argument, NULL, 's'},
	{"connections", required_argument, NULL, 'c'},
	{"swarms", required_argument, NULL, 'w'},
	{"seconds", required_argument, NULL, 'd'},
	{"warmup", required_argument, NULL, 'u'},
	{"pid", required_argument, NULL, 'i'},
	{0},
};

/* What can be read of a file, up to the maximum. */
static void read_text(pdb_swarm_plan *plan, const char *path)
{
	static char text[TEXT_MAX];
	FILE *file = fopen(path, "r");

	if (file != NULL) {
		plan->text = text;
		plan->text_len = fread(text, 1, sizeof(text), file);
		(void)fclose(file);
	}
}

static void set_text(options *chosen, int letter, const char *value)
{
	switch (letter) {
	case 'h':
		chosen->plan.host = value;
		break;
	case 'k':
		chosen->plan.key = value;
		break;
	case 'g':
		chosen->plan.get_path = value;
		break;
	case 'o':
		chosen->plan.post_path = value;
		break;
	case 'b':
		chosen->plan.body = value;
		break;
	case 'f':
		read_text(&chosen->plan, value);
		break;
	case 'd':
		chosen->seconds = strtod(value, NULL);
		break;
	case 'u':
		chosen->warmup = strtod(value, NULL);
		break;
	default:
		break;
	}
}

static void set_number(options *chosen, int letter, unsigned long long value)
{
	switch (letter) {
	case 'p':
		chosen->plan.port = (uint16_t)value;
		break;
	case 'x':
		chosen->plan.post_percent = (unsigned)value;
		break;
	case 'n':
		chosen->plan.piece = (size_t)value;
		break;
	case 't':
		chosen->plan.threads = value;
		break;
	case 's':
		chosen->plan.seqs = value;
		break;
	case 'c':
		chosen->connections = (size_t)value;
		break;
	case 'w':
		chosen->swarms = value < SWARMS_MAX ? (size_t)value : SWARMS_MAX;
		break;
	case 'i':
		chosen->pid = (long)value;
		break;
	default:
		break;
	}
}

static bool read_options(options *chosen, int argc, char **argv)
{
	int letter;

	while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (letter == '?') {
			return false;
		}
		set_text(chosen, letter, optarg);
		set_number(chosen, letter, strtoull(optarg, NULL, 10));
	}
	return chosen->plan.port != 0 && chosen->connections > 0 && chosen->swarms > 0 &&
	       chosen->plan.piece <= chosen->plan.text_len;
}

static void *run_swarm(void *swarm)
{
	pdb_swarm_run(swarm);
	return NULL;
}

static void wait_seconds(double seconds)
{
	struct timespec left = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};

	while (nanosleep(&left, &left) != 0) {
	}
}

static double now(void)
{
	struct timespec at;

	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void report(const options *chosen, const pdb_swarm *sum, double seconds,
		   const pdb_process_use use[2])
{
	double count = (double)sum->latencies.total;
	double cpu = use[1].cpu_seconds - use[0].cpu_seconds;

	(void)printf("{\"connections\": %zu, \"seconds\": %.3f, \"requests\": %.0f, "
		     "\"errors\": %llu, \"first_error\": \"%s\", ",
		     chosen->connections, seconds, count, (unsigned long long)sum->errors,
		     sum->first_error);
	(void)printf("\"rps\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, ",
		     count / seconds, (double)pdb_histogram_quantile(&sum->latencies, 0.5) / 1e3,
		     (double)pdb_histogram_quantile(&sum->latencies, 0.99) / 1e3,
		     (double)sum->latencies.max / 1e3);
	(void)printf("\"answer_bytes\": %.0f, \"cpu_us\": %.2f, \"rss_mb\": %.1f}\n",
		     count > 0 ? (double)sum->answer_bytes / count : 0,
		     count > 0 ? cpu * 1e6 / count : 0, (double)use[1].rss_bytes / 1048576);
}

static void merge(pdb_swarm *sum, const pdb_swarm *one)
{
	pdb_histogram_merge(&sum->latencies, &one->latencies);
	sum->errors += one->errors;
	sum->answer_bytes += one->answer_bytes;
	sum->failed |= one->failed;
	if (sum->first_error[0] == '\0') {
		memcpy(sum->first_error, one->first_error, sizeof(sum->first_error));
	}
}

static int run(const options *chosen, pdb_swarm *swarms, pdb_swarm *sum)
{
	atomic_bool counting = false;
	atomic_bool stop = false;
	pthread_t threads[SWARMS_MAX];
	pdb_process_use use[2];
	double began;
	size_t started = 0;

	for (size_t i = 0; i < chosen->swarms; i++) {
		size_t share = chosen->connections / chosen->swarms +
			       (i < chosen->connections % chosen->swarms ? 1 : 0);

		swarms[i].plan = &chosen->plan;
		swarms[i].connections = share;
		swarms[i].seed = UINT64_C(88172645463325252) + i;
		swarms[i].counting = &counting;
		swarms[i].stop = &stop;
		started += pthread_create(&threads[i], NULL, run_swarm, &swarms[i]) == 0;
		if (started <= i) {
			break;
		}
	}
	wait_seconds(chosen->warmup);
	use[0] = pdb_process_use_read(chosen->pid);
	began = now();
	atomic_store(&counting, true);
	wait_seconds(chosen->seconds);
	atomic_store(&counting, false);
	use[1] = pdb_process_use_read(chosen->pid);
	began = now() - began;
	atomic_store(&stop, true);
	for (size_t i = 0; i < started; i++) {
		(void)pthread_join(threads[i], NULL);
		merge(sum, &swarms[i]);
	}
	report(chosen, sum, began, use);
	return sum->failed || started < chosen->swarms ? 1 : 0;
}

int main(int argc, char **argv)
{
	options chosen = {.plan = {.host = "127.0.0.1",
				   .key = "none",
				   .get_path = "/",
				   .post_path = "/",
				   .body = "{}",
				   .text = "",
				   .threads = 1,
				   .seqs = 100},
			  .connections = 64,
			  .swarms = 1,
			  .seconds = 5,
			  .warmup = 0.5};
	pdb_swarm *swarms = calloc(SWARMS_MAX + 1, sizeof(*swarms));
	int code = 2;

	if (swarms == NULL || !read_options(&chosen, argc, argv)) {
		(void)fprintf(stderr, "usage: bench_load --port N [--connections N] [--seconds S] "
				      "[--get PATH] [--post PATH] [--text FILE --piece N] "
				      "[--post-percent N] …\n");
	} else {
		code = run(&chosen, swarms, &swarms[SWARMS_MAX]);
	}
	free(swarms);
	return code;
}
