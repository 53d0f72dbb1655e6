/* SPDX-License-Identifier: Apache-2.0 */
/* The client: one pool of connections to a KMS, deadlines, retries, a breaker. */
#include "external/client.h"

#include <sodium.h>
#include <time.h>

#define MS            INT64_C(1000000)
#define PAUSE_FIRST   (20 * MS)
#define PAUSE_LONGEST (200 * MS)
#define OPEN_FIRST    (100 * MS)

struct client {
	const pdb_host *host;
	wire_endpoint endpoint;
	int64_t timeout;
	int64_t pass_timeout;
	uint32_t failures_max;
	int64_t open_max;

	pthread_mutex_t lock; /* all below */
	pthread_cond_t freed;
	wire_stream streams[CLIENT_CONNECTIONS_MAX];
	bool busy[CLIENT_CONNECTIONS_MAX];
	uint64_t made[CLIENT_CONNECTIONS_MAX]; /* the epoch in which each was connected */
	size_t count;
	uint64_t epoch; /* connections of another one are not used again */
	credentials *shown;
	uint32_t failures;  /* in a row */
	int64_t open_until; /* 0 = closed */
	int64_t open_for;
	bool probing; /* one call is let through to see */
	client_stats stats;
};

/* -- opening ------------------------------------------------------------------------------------
 */

static pdb_status prepare(client *c, const client_params *params, pdb_err *err)
{
	pdb_status status = wire_endpoint_read(params->endpoint, &c->endpoint, err);

	if (status == PDB_OK && !wire_endpoint_safe(&c->endpoint)) {
		status = pdb_err_set(err, PDB_EINVAL, NULL,
				     "keys would cross the network in clear; use https for %s",
				     params->endpoint);
	}
	return status == PDB_OK
		       ? credentials_read(&c->shown, c->host, &c->endpoint, &params->files, err)
		       : status;
}

pdb_status client_open(client **out, const client_params *params, pdb_err *err)
{
	client *c = params->host->alloc(sizeof(*c));
	pthread_condattr_t steady;
	pdb_status status;

	*out = NULL;
	if (c == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for the client of the KMS");
	}
	*c = (client){.host = params->host,
		      .timeout = params->timeout,
		      .pass_timeout = params->pass_timeout,
		      .failures_max = params->failures,
		      .open_max = params->pause_max,
		      .count = params->connections};
	for (size_t i = 0; i < CLIENT_CONNECTIONS_MAX; i++) {
		c->streams[i] =
			(wire_stream){.host = params->host, .fd = -1, .in = {.host = params->host}};
	}
	(void)pthread_mutex_init(&c->lock, NULL);
	(void)pthread_condattr_init(&steady);
	(void)pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&c->freed, &steady);
	(void)pthread_condattr_destroy(&steady);
	status = prepare(c, params, err);
	if (status != PDB_OK) {
		client_close(&c);
	}
	*out = c;
	return status;
}

void client_close(client **c_ptr)
{
	client *c = *c_ptr;

	if (c == NULL) {
		return;
	}
	for (size_t i = 0; i < CLIENT_CONNECTIONS_MAX; i++) {
		wire_stream_close(&c->streams[i]);
	}
	credentials_let_go(&c->shown);
	(void)pthread_cond_destroy(&c->freed);
	(void)pthread_mutex_destroy(&c->lock);
	c->host->free(c);
	*c_ptr = NULL;
}

pdb_status client_reload(client *c, const credentials_files *files, pdb_err *err)
{
	credentials *fresh = NULL;
	credentials *old;
	pdb_status status = credentials_read(&fresh, c->host, &c->endpoint, files, err);

	if (status != PDB_OK) {
		return status;
	}
	(void)pthread_mutex_lock(&c->lock);
	old = c->shown;
	c->shown = fresh;
	c->epoch++;
	/* what the old ones were refused may be granted to the new ones */
	c->failures = 0;
	c->open_until = 0;
	c->open_for = 0;
	(void)pthread_mutex_unlock(&c->lock);
	credentials_let_go(&old);
	return PDB_OK;
}

/* -- waiting ------------------------------------------------------------------------------------
 */

/* Until the deadline, or until somebody frees a connection. With the lock held. */
static void wait_until(client *c, int64_t deadline)
{
	int64_t left = deadline - c->host->monotonic();
	struct timespec until;

	if (left <= 0) {
		return;
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += left / 1000000000;
	until.tv_nsec += left % 1000000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_cond_timedwait(&c->freed, &c->lock, &until);
}

static pdb_status unavailable(pdb_err *err, const char *why)
{
	return pdb_err_set(err, PDB_EUNAVAILABLE, "kms_unavailable", "the KMS %s", why);
}

/* -- the breaker --------------------------------------------------------------------------------
 */

/* With the lock held. An open breaker lets one call through when its time is over; who only looks
 * how the KMS is need not wait for that. */
static bool may_ask(client *c, wire_op op, bool *probe_out)
{
	*probe_out = false;
	if (c->open_until == 0) {
		return true;
	}
	if (c->probing || (op != WIRE_OP_HEALTH && c->host->monotonic() < c->open_until)) {
		c->stats.refused++;
		return false;
	}
	c->probing = true;
	*probe_out = true;
	return true;
}

static void note_good(client *c)
{
	if (c->open_until != 0) {
		c->host->log(PDB_LOG_INFO, "kms", "the KMS answers again");
	}
	c->failures = 0;
	c->open_until = 0;
	c->open_for = 0;
	c->probing = false;
}

static void note_bad(client *c, const char *why)
{
	c->failures++;
	c->probing = false;
	/* connections that were idle meanwhile may lead nowhere, too */
	c->epoch++;
	if (c->failures < c->failures_max) {
		return;
	}
	if (c->open_until == 0) {
		c->host->log(PDB_LOG_ERROR, "kms", "the KMS is not asked for a while: %s", why);
	}
	c->open_for = c->open_for == 0 ? OPEN_FIRST : 2 * c->open_for;
	c->open_for = c->open_for > c->open_max ? c->open_max : c->open_for;
	/* not all servers at the same moment */
	c->open_until = c->host->monotonic() + c->open_for / 2 +
			(int64_t)randombytes_uniform((uint32_t)(c->open_for / 2 / 1000) + 1) * 1000;
}

/* -- the pool -----------------------------------------------------------------------------------
 */

static size_t find_free(const client *c)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < c->count; i++) {
		if (!c->busy[i] && c->streams[i].fd >= 0) {
			return i;
		}
		if (!c->busy[i]) {
			found = i;
		}
	}
	return found;
}

/* One try over one connection. */
typedef struct attempt {
	size_t at;
	wire_stream *stream;
	credentials *shown;
	int64_t deadline;
} attempt;

/* Waits for a place; false when none became free in time. A connection in it that is not to be
 * used again is closed. */
static bool take_stream(client *c, attempt *a)
{
	bool stale;

	while ((a->at = find_free(c)) == SIZE_MAX) {
		if (c->host->monotonic() >= a->deadline) {
			return false;
		}
		wait_until(c, a->deadline);
	}
	c->busy[a->at] = true;
	a->stream = &c->streams[a->at];
	a->shown = credentials_hold(c->shown);
	stale = c->made[a->at] != c->epoch || (a->stream->fd >= 0 && wire_stream_stale(a->stream));
	c->made[a->at] = c->epoch;
	if (stale) {
		wire_stream_close(a->stream);
	}
	return true;
}

static void give_stream(client *c, attempt *a)
{
	(void)pthread_mutex_lock(&c->lock);
	c->busy[a->at] = false;
	(void)pthread_cond_signal(&c->freed);
	(void)pthread_mutex_unlock(&c->lock);
	credentials_let_go(&a->shown);
}

/* -- one try ------------------------------------------------------------------------------------
 */

static void prove(const client *c, const wire_token *token, wire_head *head, pdb_slice body)
{
	uint8_t nonce[WIRE_NONCE / 2];

	randombytes_buf(nonce, sizeof(nonce));
	(void)sodium_bin2hex(head->nonce, sizeof(head->nonce), nonce, sizeof(nonce));
	head->time = c->host->now() / 1000000000;
	memcpy(head->token, token->name, sizeof(head->token));
	wire_prove_request(head, pdb_slice_of(token->secret, token->secret_len), body);
}

/* What the other side says is believed only when it proves that it knows the token. */
static bool answer_good(const client *c, const wire_token *token, const char *nonce,
			const wire_head *head, pdb_slice body)
{
	if (head->request) {
		return false;
	}
	return token == NULL || c->endpoint.local || c->endpoint.tls ||
	       wire_answer_proven(head, pdb_slice_of(token->secret, token->secret_len), nonce,
				  body);
}

static pdb_status keep_answer(client_call *call, const client *c, pdb_slice body, pdb_err *err)
{
	uint8_t *at;

	wire_buf_fini(&call->in);
	call->in.host = c->host;
	at = wire_buf_room(&call->in, body.len);
	if (at == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for an answer of the KMS");
	}
	memcpy(at, body.ptr, body.len);
	call->in.len = body.len;
	return wire_answer_read(pdb_slice_of(at, body.len), &call->answer)
		       ? PDB_OK
		       : unavailable(err, "answers nonsense");
}

static pdb_status exchange(client *c, const attempt *a, client_call *call, pdb_err *err)
{
	const wire_token *token = a->shown->token;
	wire_stream *stream = a->stream;
	wire_buf body = {.host = c->host};
	wire_head asked = {.request = true, .op = call->op};
	wire_head head = {0};
	pdb_slice got = pdb_slice_of(NULL, 0);
	pdb_status status;

	wire_request_write(&body, &call->request);
	if (body.failed) {
		wire_buf_fini(&body);
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory for a request to the KMS");
	}
	asked.body = body.len;
	if (token != NULL) {
		prove(c, token, &asked, pdb_slice_of(body.ptr, body.len));
	}
	status = wire_stream_send(stream, &asked, pdb_slice_of(body.ptr, body.len), a->deadline,
				  err);
	wire_buf_fini(&body);
	if (status == PDB_OK) {
		status = wire_stream_receive(stream, &head, &got, a->deadline,
					     a->deadline - c->host->monotonic(), err);
	}
	if (status == PDB_OK && !answer_good(c, token, asked.nonce, &head, got)) {
		status = unavailable(err, "does not prove that it is the one");
	}
	if (status == PDB_OK) {
		status = keep_answer(call, c, got, err);
	}
	/* what was received is not needed a second time */
	if (status != PDB_OK || head.close) {
		wire_stream_close(stream);
	} else if (stream->in.len > 0) {
		sodium_memzero(stream->in.ptr, stream->in.len);
	}
	return status;
}

/* *harmless_out: nothing can have happened on the other side. */
static pdb_status try_once(client *c, client_call *call, int64_t deadline, bool *harmless_out,
			   pdb_err *err)
{
	attempt a = {.deadline = deadline};
	pdb_status status = PDB_OK;
	bool taken;

	*harmless_out = true;
	(void)pthread_mutex_lock(&c->lock);
	taken = take_stream(c, &a);
	(void)pthread_mutex_unlock(&c->lock);
	if (!taken) {
		return unavailable(err, "is asked by too many at once");
	}
	if (a.stream->fd < 0) {
		status = wire_stream_connect(a.stream, &c->endpoint, a.shown->tls, deadline, err);
	}
	if (status == PDB_OK) {
		*harmless_out = false;
		status = exchange(c, &a, call, err);
	}
	give_stream(c, &a);
	return status;
}

/* -- calls --------------------------------------------------------------------------------------
 */

static bool is_pass(wire_op op)
{
	return op == WIRE_OP_REWRAP || op == WIRE_OP_VERIFY || op == WIRE_OP_EACH;
}

/* A pause that grows and differs, and is cut short when a connection becomes free: either way it is
 * a while later. */
static void pause_before(client *c, unsigned tries, int64_t deadline)
{
	int64_t most = PAUSE_FIRST << (tries < 4 ? tries : 4);
	int64_t until;

	most = most > PAUSE_LONGEST ? PAUSE_LONGEST : most;
	until = c->host->monotonic() + most / 2 +
		(int64_t)randombytes_uniform((uint32_t)(most / 2 / 1000) + 1) * 1000;
	until = until > deadline ? deadline : until;
	(void)pthread_mutex_lock(&c->lock);
	c->stats.retries++;
	while (c->host->monotonic() < until) {
		wait_until(c, until);
	}
	(void)pthread_mutex_unlock(&c->lock);
}

/* Who looks whether a KMS is back must not wait for a connection that leads nowhere any more. */
static int64_t try_until(const client *c, wire_op op, int64_t deadline)
{
	int64_t soon = c->host->monotonic() + c->timeout / 3;

	return op == WIRE_OP_HEALTH && soon < deadline ? soon : deadline;
}

/* Tries until the deadline. */
static pdb_status try_often(client *c, client_call *call, bool once, pdb_err *err)
{
	int64_t deadline =
		c->host->monotonic() + (is_pass(call->op) ? c->pass_timeout : c->timeout);
	pdb_status status = PDB_EUNAVAILABLE;

	for (unsigned tries = 0; tries < 8; tries++) {
		bool harmless = true;

		status = try_once(c, call, try_until(c, call->op, deadline), &harmless, err);
		if (status == PDB_OK || status == PDB_ENOMEM || status == PDB_EDENIED || once ||
		    (!harmless && !wire_op_again(call->op)) || c->host->monotonic() >= deadline) {
			break;
		}
		pause_before(c, tries, deadline);
	}
	return status;
}

/* The KMS has answered; that it says no is its answer. */
static pdb_status take_refusal(const client_call *call, pdb_err *err)
{
	/* constants of this side: what a client sees is not for the other side to choose */
	static const char *const codes[] = {"legal_hold", "kek_in_use", "not_verified",
					    "enc_suite_unknown", "key_destroyed"};
	const char *code = NULL;

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (pdb_slice_compare(call->answer.code, pdb_slice_text(codes[i])) == 0) {
			code = codes[i];
		}
	}
	/* whom the KMS does not know may not call it */
	return pdb_err_set(err,
			   call->answer.status == PDB_EUNAUTHENTICATED ? PDB_EDENIED
								       : call->answer.status,
			   code, "%.*s", PDB_SLICE_ARGS(call->answer.text));
}

/* What the other side cannot do for anybody just now counts as a failure of it. */
static bool is_failure(pdb_status status)
{
	return status == PDB_EUNAVAILABLE || status == PDB_ETIMEOUT || status == PDB_EINVAL ||
	       status == PDB_EDENIED || status == PDB_ENOMEM;
}

pdb_status client_run(client *c, client_call *call, pdb_err *err)
{
	bool probe = false;
	bool may;
	pdb_status status;

	(void)pthread_mutex_lock(&c->lock);
	c->stats.calls++;
	may = may_ask(c, call->op, &probe);
	(void)pthread_mutex_unlock(&c->lock);
	if (!may) {
		return unavailable(err, "did not answer lately");
	}
	status = try_often(c, call, probe && call->op != WIRE_OP_HEALTH, err);
	(void)pthread_mutex_lock(&c->lock);
	if (is_failure(status)) {
		c->stats.failures++;
		note_bad(c, err->text);
	} else {
		note_good(c);
	}
	(void)pthread_mutex_unlock(&c->lock);
	if (is_failure(status) && status != PDB_ENOMEM) {
		err->status = PDB_EUNAVAILABLE;
		err->code = "kms_unavailable";
		return PDB_EUNAVAILABLE;
	}
	if (status != PDB_OK) {
		return status;
	}
	return call->answer.status == PDB_OK ? PDB_OK : take_refusal(call, err);
}

void client_call_fini(client_call *call)
{
	if (call->in.host != NULL) {
		wire_buf_fini(&call->in);
	}
}

void client_read_stats(client *c, client_stats *out)
{
	(void)pthread_mutex_lock(&c->lock);
	*out = c->stats;
	out->open = c->open_until != 0;
	(void)pthread_mutex_unlock(&c->lock);
}
