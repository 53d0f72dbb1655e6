/* SPDX-License-Identifier: Apache-2.0 */
/* Before the key is looked at: how many at once, how many from an address, how many failures. */
#include "ratelimit_private.h"

#define SECOND INT64_C(1000000000)

_Thread_local visit ratelimit_visit;

/* What a request shows of itself, as one number; 0 when it shows nothing. */
static uint64_t credentials_of(const ratelimit *self, const pdb_request *request)
{
	static const char *const names[] = {"Authorization", "X-API-Key", "X-User-Signature",
					    "X-User-ID"};
	uint64_t numbers[sizeof(names) / sizeof(names[0])] = {0};
	pdb_slice value;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (self->host->request_header(request, names[i], &value)) {
			numbers[i] = who_text(&self->secret, WHO_CREDENTIAL, value);
		}
	}
	if ((numbers[0] | numbers[1] | numbers[2]) == 0) {
		return 0; /* an id alone proves nothing */
	}
	return who_text(&self->secret, WHO_CREDENTIAL, pdb_slice_of(numbers, sizeof(numbers)));
}

static pdb_status check_crowd(ratelimit *self, const limits *now, pdb_request *request,
			      crowd_size size, pdb_err *err)
{
	if (now->concurrency_address > 0 && size.here > now->concurrency_address) {
		return ratelimit_refuse(self, request, REFUSAL_CROWD, SECOND, err);
	}
	/* who administers must get in to a server that is busy */
	if (now->concurrency_total > 0 && size.all > now->concurrency_total &&
	    self->host->request_listener(request) != PDB_LISTENER_ADMIN) {
		return ratelimit_refuse(self, request, REFUSAL_OVERLOAD, SECOND, err);
	}
	return PDB_OK;
}

static pdb_status check_address(ratelimit *self, const limits *now, pdb_request *request,
				visit *here, pdb_err *err)
{
	bucket_answer answer;

	if (now->address.rate.interval == 0) {
		return PDB_OK;
	}
	answer = buckets_take(self->rates, here->address, &now->address.rate, here->cost,
			      self->host->monotonic());
	ratelimit_note(here, &now->address, &answer);
	return answer.admitted ? PDB_OK
			       : ratelimit_refuse(self, request, REFUSAL_ADDRESS, answer.wait, err);
}

/* One line a second at most: they are there to be seen, not to fill the disk. */
static void tell_log(ratelimit *self, const pdb_request *request)
{
	int64_t now = self->host->monotonic();
	int64_t before = atomic_load_explicit(&self->told_at, memory_order_relaxed);

	if (now - before >= SECOND &&
	    atomic_compare_exchange_strong(&self->told_at, &before, now)) {
		self->host->log(PDB_LOG_WARN, "ratelimit",
				"too many failed tries to identify from %s",
				self->host->request_peer(request));
	}
}

/* The try is charged before it is made, and given back when it succeeds: however many come at
 * once, no more than there may be reach the key. */
static pdb_status charge_try(ratelimit *self, pdb_request *request, visit *here, pdb_err *err)
{
	int64_t now = self->host->monotonic();
	bucket_answer answer;

	if (here->failed.interval == 0) {
		return PDB_OK;
	}
	here->credentials = credentials_of(self, request);
	here->known = here->credentials != 0 && known_has(self->known, here->credentials, now);
	if (here->credentials == 0 || here->known) {
		return PDB_OK;
	}
	answer = buckets_take(self->failed, here->address, &here->failed, 1, now);
	here->charged = answer.admitted;
	if (!answer.admitted) {
		tell_log(self, request);
		return ratelimit_refuse(self, request, REFUSAL_FAILED, answer.wait, err);
	}
	return PDB_OK;
}

static pdb_status enter(void *state, pdb_request *request, pdb_err *err)
{
	ratelimit *self = state;
	const pdb_host *host = self->host;
	visit *here = &ratelimit_visit;
	bool probe = ratelimit_is_probe(self, request);
	pdb_status status = PDB_OK;
	const limits *now;
	crowd_size size;

	*here = (visit){.request = request,
			.address = who_address(&self->secret, host->request_peer(request))};
	size = crowd_come(self->crowd, here->address);
	now = ratelimit_lock(self);
	here->failed = now->failed;
	here->cost =
		costs_of(&now->costs, host->request_method(request), host->request_route(request));
	if (!probe) {
		status = check_crowd(self, now, request, size, err);
	}
	if (status == PDB_OK && !probe) {
		status = check_address(self, now, request, here, err);
	}
	ratelimit_unlock(self);
	return status == PDB_OK ? charge_try(self, request, here, err) : status;
}

static void leave(void *state, pdb_request *request)
{
	ratelimit *self = state;

	/* what is good no longer is a guess from now on */
	if (self->host->request_status(request) == 401) {
		known_remove(self->known, credentials_of(self, request));
	}
	crowd_go(self->crowd, who_address(&self->secret, self->host->request_peer(request)));
}

const pdb_gate ratelimit_guard = {
	.size = sizeof(pdb_gate),
	.phase = PDB_PHASE_GUARD,
	.name = "ratelimit.guard",
	.enter = enter,
	.leave = leave,
};
