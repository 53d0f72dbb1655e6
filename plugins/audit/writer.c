/* SPDX-License-Identifier: Apache-2.0 */
/* The thread between requests that may not wait and a log that must. */
#include "writer.h"

#include <pdb/control.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#define RETRY_SECONDS 1

struct writer {
	const pdb_host *host;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t news;
	char *lines[WRITER_LINES]; /* a ring */
	size_t first;
	size_t count;
	bool broken; /* the line in front could not be written */
	bool stopping;
	bool running;
	pthread_t thread;
};

pdb_status writer_create(writer **out, const pdb_host *host, pdb_err *err)
{
	writer *self = host->alloc(sizeof(*self));

	*out = self;
	if (self == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the writer");
	}
	memset(self, 0, sizeof(*self));
	self->host = host;
	(void)pthread_mutex_init(&self->lock, NULL);
	(void)pthread_cond_init(&self->news, NULL);
	return PDB_OK;
}

/* True when the line is on disk. */
static bool write_line(writer *self, const char *line)
{
	pdb_err err = {0};

	if (self->host->control->audit(pdb_slice_text(line), &err) == PDB_OK) {
		return true;
	}
	self->host->log(PDB_LOG_ERROR, "audit", "an audit line waits: %s", err.text);
	return false;
}

static void wait_for_news(writer *self)
{
	struct timespec until;

	if (!self->broken) {
		(void)pthread_cond_wait(&self->news, &self->lock);
		return;
	}
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += RETRY_SECONDS;
	(void)pthread_cond_timedwait(&self->news, &self->lock, &until);
}

static void drop_first(writer *self)
{
	self->host->free(self->lines[self->first]);
	self->first = (self->first + 1) % WRITER_LINES;
	self->count--;
}

/* With the lock held but for the writing: the line in front stays where it is meanwhile. */
static void write_first(writer *self)
{
	const char *line = self->lines[self->first];
	bool written;

	(void)pthread_mutex_unlock(&self->lock);
	written = write_line(self, line);
	(void)pthread_mutex_lock(&self->lock);
	self->broken = !written;
	if (written) {
		drop_first(self);
	}
}

static void *run(void *arg)
{
	writer *self = arg;

	(void)pthread_mutex_lock(&self->lock);
	while (self->count > 0 || !self->stopping) {
		if (self->count > 0) {
			write_first(self);
		}
		if (self->broken && self->stopping) {
			break; /* it was tried, and the log has been told */
		}
		if (self->broken || (self->count == 0 && !self->stopping)) {
			wait_for_news(self);
		}
	}
	(void)pthread_mutex_unlock(&self->lock);
	return NULL;
}

pdb_status writer_start(writer *self, pdb_err *err)
{
	sigset_t all;
	sigset_t old;
	int problem;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	problem = pthread_create(&self->thread, NULL, run, self);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (problem != 0) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "cannot start a thread: %s",
				   strerror(problem));
	}
	self->running = true;
	return PDB_OK;
}

void writer_stop(writer *self)
{
	if (!self->running) {
		return;
	}
	(void)pthread_mutex_lock(&self->lock);
	self->stopping = true;
	(void)pthread_cond_signal(&self->news);
	(void)pthread_mutex_unlock(&self->lock);
	(void)pthread_join(self->thread, NULL);
	self->running = false;
}

void writer_destroy(writer **self)
{
	writer *gone = *self;

	if (gone == NULL) {
		return;
	}
	while (gone->count > 0) {
		drop_first(gone);
	}
	(void)pthread_cond_destroy(&gone->news);
	(void)pthread_mutex_destroy(&gone->lock);
	gone->host->free(gone);
	*self = NULL;
}

bool writer_ready(writer *self)
{
	bool ready;

	(void)pthread_mutex_lock(&self->lock);
	ready = !self->broken && self->count < WRITER_LINES - WRITER_SPARE;
	(void)pthread_mutex_unlock(&self->lock);
	return ready;
}

static bool queue(writer *self, char *line)
{
	if (self->count == WRITER_LINES) {
		return false;
	}
	self->lines[(self->first + self->count) % WRITER_LINES] = line;
	self->count++;
	(void)pthread_cond_signal(&self->news);
	return true;
}

bool writer_put(writer *self, char *line)
{
	bool taken = false;
	bool late;

	(void)pthread_mutex_lock(&self->lock);
	late = self->stopping;
	if (line != NULL && !late) {
		taken = queue(self, line);
	}
	(void)pthread_mutex_unlock(&self->lock);
	if (taken) {
		return true;
	}
	taken = late && line != NULL && write_line(self, line);
	if (!taken) {
		self->host->log(PDB_LOG_ERROR, "audit", "a line for the audit log is lost");
	}
	self->host->free(line);
	return taken;
}
