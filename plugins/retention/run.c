/* SPDX-License-Identifier: Apache-2.0 */
/* A run: what was soft-deleted long enough ago is purged, piece by piece, from the earliest on. */
#include <stdio.h>
#include <stdlib.h>

#include "retention_private.h"

/* How long a step works, how much longer it rests then, so that those who write hardly notice, and
 * how many deletions it looks at. */
#define STEP_TIME  (10 * INT64_C(1000000))
#define REST_TIMES 9
#define STEP_MAX   64u

/*
 * The state of a run, in one line: kind, start, limit, tally, dry, and behind a blank the cursor.
 * The scheduled run of the job keeps it under the job's name, and between runs the time of the last
 * start; one that was asked for has a state of its own.
 */
typedef struct state {
	bool running;
	int64_t started; /* nanoseconds, as the next one; of the last run when none is running */
	int64_t until;
	int64_t enabled; /* since when retention is enabled, seconds */
	bool dry;
	tally done;
	char cursor[PDB_CURSOR_SIZE];
} state;

#define NUMBERS 8

/* Takes the numbers at the front; false when there are fewer. */
static bool read_numbers(long long out[NUMBERS], char **at)
{
	for (size_t i = 0; i < NUMBERS; i++) {
		char *end;

		out[i] = strtoll(*at, &end, 10);
		if (end == *at || *end != ' ') {
			return false;
		}
		*at = end + 1;
	}
	return true;
}

static void state_read(state *out, pdb_slice saved)
{
	char text[512];
	char *at = text;
	long long n[NUMBERS];

	*out = (state){0};
	if (saved.len == 0 || saved.len >= sizeof(text)) {
		return;
	}
	memcpy(text, saved.ptr, saved.len);
	text[saved.len] = '\0';
	if (!read_numbers(n, &at)) {
		return;
	}
	out->running = n[0] != 0;
	out->started = n[1];
	out->until = n[2];
	out->enabled = n[3];
	out->dry = n[4] != 0;
	out->done = (tally){(uint64_t)n[5], (uint64_t)n[6], (uint64_t)n[7]};
	(void)snprintf(out->cursor, sizeof(out->cursor), "%s", at);
}

static pdb_status state_save(const retention *self, pdb_job_run *run, const state *s, pdb_err *err)
{
	char text[512];
	int len =
		snprintf(text, sizeof(text), "%d %lld %lld %lld %d %llu %llu %llu %s", s->running,
			 (long long)s->started, (long long)s->until, (long long)s->enabled, s->dry,
			 (unsigned long long)s->done.threads, (unsigned long long)s->done.messages,
			 (unsigned long long)s->done.held, s->cursor);

	return self->host->job_save(run, pdb_slice_of(text, (size_t)len), err);
}

/* -- audit ------------------------------------------------------------------------------------ */

static pdb_status audit_text(const retention *self, const char *text, size_t len, pdb_err *err)
{
	if (!PDB_HAS(self->host, control)) {
		return PDB_OK;
	}
	return self->host->control->audit(pdb_slice_of(text, len), err);
}

static pdb_status audit_header(const retention *self, const pdb_job_run *run, const state *s,
			       pdb_err *err)
{
	char text[256];
	int len =
		snprintf(text, sizeof(text),
			 "\"event\":\"retention_started\",\"job\":\"%s\",\"deleted_until\":%lld,"
			 "\"dry_run\":%s",
			 self->host->jobs->id(run), (long long)s->until, s->dry ? "true" : "false");

	return audit_text(self, text, (size_t)len, err);
}

static pdb_status audit_footer(const retention *self, const pdb_job_run *run, const state *s,
			       pdb_err *err)
{
	char text[320];
	int len = snprintf(text, sizeof(text),
			   "\"event\":\"retention_ended\",\"job\":\"%s\",\"threads\":%llu,"
			   "\"messages\":%llu,\"held\":%llu,\"dry_run\":%s",
			   self->host->jobs->id(run), (unsigned long long)s->done.threads,
			   (unsigned long long)s->done.messages, (unsigned long long)s->done.held,
			   s->dry ? "true" : "false");

	return audit_text(self, text, (size_t)len, err);
}

/* -- a piece ---------------------------------------------------------------------------------- */

typedef struct item {
	char cursor[PDB_CURSOR_SIZE];
	char thread[72];
	char message[72]; /* "" for a thread */
} item;

typedef struct piece {
	size_t count;
	item items[STEP_MAX];
} piece;

static pdb_status take(void *arg, const pdb_deletion *deletion)
{
	piece *p = arg;
	item *one = &p->items[p->count++];

	(void)snprintf(one->cursor, sizeof(one->cursor), "%.*s", PDB_SLICE_ARGS(deletion->cursor));
	(void)snprintf(one->thread, sizeof(one->thread), "%.*s", PDB_SLICE_ARGS(deletion->thread));
	(void)snprintf(one->message, sizeof(one->message), "%.*s",
		       PDB_SLICE_ARGS(deletion->message));
	return p->count == STEP_MAX ? PDB_ESTOP : PDB_OK;
}

/* What is about to be purged is on disk in the audit log before it is; ids need no escaping. */
static pdb_status audit_items(const retention *self, const pdb_job_run *run, const piece *p,
			      bool dry, pdb_err *err)
{
	size_t size = 128 + p->count * sizeof(item);
	char *text = self->host->alloc(size);
	size_t len;
	pdb_status status;

	if (text == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for an audit line");
	}
	len = (size_t)snprintf(text, size, "\"event\":\"%s\",\"job\":\"%s\",\"items\":[",
			       dry ? "retention_would_purge" : "retention_purges",
			       self->host->jobs->id(run));
	for (size_t i = 0; i < p->count; i++) {
		const item *one = &p->items[i];

		len += (size_t)snprintf(text + len, size - len,
					one->message[0] != '\0' ? "%s[\"%s\",\"%s\"]"
								: "%s[\"%s\"]",
					i > 0 ? "," : "", one->thread, one->message);
	}
	len += (size_t)snprintf(text + len, size - len, "]");
	status = audit_text(self, text, len, err);
	self->host->free(text);
	return status;
}

/* One deletion; *more when a thread is not gone yet. */
static pdb_status purge(const retention *self, const state *s, const item *one, bool *more,
			pdb_err *err)
{
	const pdb_host_domain *domain = self->host->domain;
	pdb_slice thread = pdb_slice_text(one->thread);

	*more = false;
	if (one->message[0] != '\0') {
		return domain->purge_message(thread, pdb_slice_text(one->message), s->until, err);
	}
	return domain->purge_thread(thread, s->until, STEP_MAX, more, err);
}

static void count(const retention *self, state *s, const item *one, pdb_status status)
{
	bool message = one->message[0] != '\0';

	if (status == PDB_EDENIED) {
		s->done.held++;
		self->host->metrics->add_to(self->held, 1);
	} else if (status == PDB_OK) {
		s->done.messages += message;
		s->done.threads += !message;
		if (!s->dry) {
			self->host->metrics->add_to(self->purged[message], 1);
		}
	}
}

/* Held, restored meanwhile, or gone already: the run goes on. */
static bool passes(pdb_status status)
{
	return status == PDB_OK || status == PDB_EDENIED || status == PDB_ENOTFOUND;
}

static pdb_status work_off(const retention *self, state *s, const piece *p, pdb_err *err)
{
	int64_t until = self->host->monotonic() + STEP_TIME;
	pdb_status status = PDB_OK;

	for (size_t i = 0; i < p->count; i++) {
		const item *one = &p->items[i];
		bool more = false;

		do {
			status = s->dry ? PDB_OK : purge(self, s, one, &more, err);
		} while (status == PDB_OK && more && self->host->monotonic() < until);
		if (!passes(status)) {
			return status;
		}
		if (more) {
			return PDB_OK; /* the next step goes on with the same one */
		}
		count(self, s, one, status);
		memcpy(s->cursor, one->cursor, sizeof(s->cursor));
		if (self->host->monotonic() > until) {
			return PDB_OK;
		}
	}
	return PDB_OK;
}

/* -- runs ------------------------------------------------------------------------------------- */

static void tell_last(retention *self, const state *s, int64_t ended)
{
	(void)pthread_mutex_lock(&self->last_lock);
	self->last_started = s->started;
	self->last_ended = ended;
	self->last = s->done;
	(void)pthread_mutex_unlock(&self->last_lock);
}

static pdb_status begin(retention *self, pdb_job_run *run, state *s, const rules *r, pdb_err *err)
{
	pdb_status status;

	s->running = true;
	s->started = self->host->now();
	s->until = s->started - r->period;
	s->done = (tally){0};
	s->cursor[0] = '\0';
	status = audit_header(self, run, s, err);
	if (status == PDB_OK) {
		status = state_save(self, run, s, err);
	}
	if (status == PDB_OK) {
		tell_last(self, s, 0);
		self->host->log(PDB_LOG_INFO, "retention", "a run begins%s",
				s->dry ? " (dry)" : "");
	}
	return status;
}

static pdb_status end(retention *self, pdb_job_run *run, state *s, pdb_err *err)
{
	char result[192];
	int64_t ended;
	int len =
		snprintf(result, sizeof(result),
			 "{\"threads\":%llu,\"messages\":%llu,\"held\":%llu,\"dry_run\":%s}",
			 (unsigned long long)s->done.threads, (unsigned long long)s->done.messages,
			 (unsigned long long)s->done.held, s->dry ? "true" : "false");
	pdb_status status = audit_footer(self, run, s, err);

	s->running = false;
	if (status == PDB_OK) {
		(void)self->host->jobs->set_result(run, pdb_slice_of(result, (size_t)len), NULL);
		status = state_save(self, run, s, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	ended = self->host->now();
	tell_last(self, s, ended);
	self->host->metrics->add_to(self->runs, 1);
	self->host->metrics->set(self->ended_at, (double)ended / (double)SECOND);
	self->host->log(PDB_LOG_INFO, "retention", "a run has ended: %s", result);
	self->host->job_done(run);
	return PDB_OK;
}

static pdb_status go_on(retention *self, pdb_job_run *run, state *s, const rules *r, pdb_err *err)
{
	int64_t begun = self->host->monotonic();
	piece *p = self->host->alloc(sizeof(*p));
	size_t limit = r->batch_size < (int64_t)STEP_MAX ? (size_t)r->batch_size : STEP_MAX;
	pdb_status status;

	if (p == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a run");
	}
	p->count = 0;
	status = self->host->domain->deletions(pdb_slice_text(s->cursor), s->until, limit, take, p,
					       err);
	if (status == PDB_OK && p->count == 0) {
		status = end(self, run, s, err);
	} else if (status == PDB_OK) {
		status = audit_items(self, run, p, s->dry, err);
		if (status == PDB_OK) {
			status = work_off(self, s, p, err);
		}
		if (status == PDB_OK) {
			status = state_save(self, run, s, err);
		}
		self->host->job_progress(run, s->done.threads + s->done.messages + s->done.held, 0);
		self->host->jobs->rest(run, REST_TIMES * (self->host->monotonic() - begun));
		self->host->jobs->rest(run, r->batch_sleep);
	}
	self->host->free(p);
	return status;
}

/* -- when ------------------------------------------------------------------------------------- */

/* Notes since when retention is enabled: there is a grace before the first run. */
static pdb_status follow_switch(retention *self, pdb_job_run *run, state *s, const rules *r,
				pdb_err *err)
{
	int64_t enabled =
		r->enabled ? (s->enabled != 0 ? s->enabled : self->host->now() / SECOND) : 0;

	if (enabled == s->enabled) {
		return PDB_OK;
	}
	s->enabled = enabled;
	return state_save(self, run, s, err);
}

static bool is_due(retention *self, const state *s, const rules *r)
{
	int64_t now = self->host->now() / SECOND;
	int64_t from = s->enabled + r->grace / SECOND;
	int64_t last = s->started / SECOND;
	int64_t due;

	if (!r->enabled) {
		return false;
	}
	due = cron_next(&r->schedule, last > from ? last : from);
	(void)pthread_mutex_lock(&self->last_lock);
	self->next_due = due;
	(void)pthread_mutex_unlock(&self->last_lock);
	return !r->paused && due >= 0 && due <= now;
}

static pdb_status step_scheduled(retention *self, pdb_job_run *run, state *s, const rules *r,
				 pdb_err *err)
{
	pdb_status status = follow_switch(self, run, s, r, err);

	if (status != PDB_OK) {
		return status;
	}
	if (s->running && r->enabled && !r->paused) {
		return go_on(self, run, s, r, err);
	}
	if (!s->running && is_due(self, s, r)) {
		s->dry = r->dry_run;
		return begin(self, run, s, r, err);
	}
	self->host->job_done(run);
	return PDB_OK;
}

static bool asks_for_dry(pdb_slice params)
{
	return memmem(params.ptr, params.len, "\"dry_run\":true", 14) != NULL;
}

static pdb_status step_submitted(retention *self, pdb_job_run *run, state *s, const rules *r,
				 pdb_err *err)
{
	if (!s->running) {
		s->dry = r->dry_run || asks_for_dry(self->host->jobs->params(run));
		return begin(self, run, s, r, err);
	}
	return go_on(self, run, s, r, err);
}

static pdb_status step(void *state_, pdb_job_run *run, pdb_err *err)
{
	retention *self = state_;
	rules now = retention_rules(self);
	state s;

	state_read(&s, self->host->job_state(run));
	return self->host->jobs->id(run)[0] != '\0' ? step_submitted(self, run, &s, &now, err)
						    : step_scheduled(self, run, &s, &now, err);
}

const pdb_job retention_job = {
	.size = sizeof(pdb_job),
	.name = "retention",
	.period = SECOND,
	.step = step,
};
