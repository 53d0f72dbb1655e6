/* SPDX-License-Identifier: Apache-2.0 */
/* Behind the key: how much a caller, and all who share a key, may ask for. */
#include "ratelimit_private.h"

/* Whoever comes this far did identify itself, or never tried. */
static void settle_try(ratelimit *self, const pdb_request *request, visit *here)
{
	if (here->charged) {
		buckets_return(self->failed, here->address, &here->failed, 1);
		here->charged = false;
	}
	if (here->credentials != 0 && !here->known &&
	    self->host->request_role(request) != PDB_ROLE_NONE) {
		known_add(self->known, here->credentials, self->host->monotonic());
	}
}

static uint64_t caller_of(const ratelimit *self, const pdb_request *request, const visit *here,
			  uint64_t key)
{
	pdb_slice user = self->host->request_user(request);

	if (user.len > 0) {
		return who_text(&self->secret, WHO_USER, user);
	}
	return key != 0 ? key : here->address;
}

static pdb_status check_caller(ratelimit *self, const limits *now, pdb_request *request,
			       uint64_t caller, pdb_err *err)
{
	bucket_answer answer;

	if (now->caller.rate.interval == 0) {
		return PDB_OK;
	}
	/* a key has two buckets when both limits are on: its number is turned for one of them */
	answer = buckets_take(self->rates, ~caller, &now->caller.rate, ratelimit_visit.cost,
			      self->host->monotonic());
	ratelimit_note(&ratelimit_visit, &now->caller, &answer);
	return answer.admitted ? PDB_OK
			       : ratelimit_refuse(self, request, REFUSAL_CALLER, answer.wait, err);
}

static pdb_status check_key(ratelimit *self, const limits *now, pdb_request *request, uint64_t key,
			    pdb_err *err)
{
	bucket_answer answer;

	if (now->key.rate.interval == 0 || key == 0) {
		return PDB_OK;
	}
	answer = buckets_take(self->rates, key, &now->key.rate, ratelimit_visit.cost,
			      self->host->monotonic());
	ratelimit_note(&ratelimit_visit, &now->key, &answer);
	return answer.admitted ? PDB_OK
			       : ratelimit_refuse(self, request, REFUSAL_KEY, answer.wait, err);
}

static pdb_status check(ratelimit *self, pdb_request *request, const visit *here, pdb_err *err)
{
	const char *label = self->host->request_key(request);
	uint64_t key =
		label[0] != '\0' ? who_text(&self->secret, WHO_KEY, pdb_slice_text(label)) : 0;
	uint64_t caller = caller_of(self, request, here, key);
	const limits *now = ratelimit_lock(self);
	pdb_status status = check_caller(self, now, request, caller, err);

	if (status == PDB_OK) {
		status = check_key(self, now, request, key, err);
		/* what the key does not let through has cost the caller nothing */
		if (status != PDB_OK && now->caller.rate.interval > 0) {
			buckets_return(self->rates, ~caller, &now->caller.rate, here->cost);
		}
	}
	ratelimit_unlock(self);
	if (status == PDB_OK) {
		ratelimit_tell(self, request, here);
	}
	return status;
}

static pdb_status enter(void *state, pdb_request *request, pdb_err *err)
{
	ratelimit *self = state;
	visit *here = &ratelimit_visit;

	if (here->request != request) {
		return pdb_err_set(err, PDB_EINTERNAL, NULL, "the guard has not seen the request");
	}
	settle_try(self, request, here);
	return ratelimit_is_probe(self, request) ? PDB_OK : check(self, request, here, err);
}

const pdb_gate ratelimit_gate = {
	.size = sizeof(pdb_gate),
	.phase = PDB_PHASE_RATE,
	.name = "ratelimit",
	.enter = enter,
};
