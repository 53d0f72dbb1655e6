/* SPDX-License-Identifier: Apache-2.0 */
/* What the domain counts: messages as they come, conflicts, and what listeners have before them. */
#include "chat/chat_private.h"
#include "measure/measure.h"

static const double batch_bounds[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};

static void read_threads(void *self, pdb_sample_fn sample, void *arg)
{
	uint64_t threads;
	uint64_t messages;

	pdb_chat_counts(self, &threads, &messages);
	sample(arg, NULL, (double)threads);
}

static void read_messages(void *self, pdb_sample_fn sample, void *arg)
{
	uint64_t threads;
	uint64_t messages;

	pdb_chat_counts(self, &threads, &messages);
	sample(arg, NULL, (double)messages);
}

static void read_feed(void *self, pdb_sample_fn sample, void *arg)
{
	pdb_chat *chat = self;

	sample(arg, NULL, (double)atomic_load(&chat->feed.queued));
}

#define METRIC(kind_, name_, ...)                                                                  \
	{                                                                                          \
		.size = sizeof(pdb_metric), .kind = PDB_METRIC_##kind_,                            \
		.name = "progressdb_" name_, __VA_ARGS__                                           \
	}

static const pdb_metric batch_metric =
	METRIC(HISTOGRAM, "append_messages", .bounds = batch_bounds,
	       .bound_count = sizeof(batch_bounds) / sizeof(batch_bounds[0]),
	       .help = "Messages that one append has added.");
static const pdb_metric conflict_metric =
	METRIC(COUNTER, "write_conflicts",
	       .help = "Times a write met another one in the engine and was tried again.");
static const pdb_metric read_metrics[] = {
	METRIC(GAUGE, "threads", .help = "Threads that are not deleted.", .read = read_threads),
	METRIC(GAUGE, "messages", .help = "Messages that are not deleted.", .read = read_messages),
	METRIC(GAUGE, "listener_queue_commits",
	       .help = "Commits that the listeners have not been told of.", .read = read_feed),
};

pdb_status pdb_chat_measure(pdb_chat *chat, pdb_err *err)
{
	pdb_measure *measure = NULL;
	pdb_status status = pdb_measure_add("chat", &batch_metric, NULL, &measure, err);

	if (status == PDB_OK) {
		chat->appended = pdb_measure_series(measure, NULL);
		status = pdb_measure_add("chat", &conflict_metric, NULL, &measure, err);
	}
	if (status == PDB_OK) {
		chat->conflicts = pdb_measure_series(measure, NULL);
	}
	for (size_t i = 0; i < sizeof(read_metrics) / sizeof(read_metrics[0]); i++) {
		if (status == PDB_OK) {
			status = pdb_measure_add("chat", &read_metrics[i], chat, NULL, err);
		}
	}
	return status;
}

void pdb__count_append(const pdb_chat *chat, size_t messages)
{
	if (messages > 0) {
		pdb_series_observe(chat->appended, (double)messages);
	}
}

void pdb__count_conflict(const pdb_chat *chat)
{
	pdb_series_add(chat->conflicts, 1);
}
