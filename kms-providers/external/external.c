/* SPDX-License-Identifier: Apache-2.0 */
/* The provider `external`: keys are kept by progressdb-kms. */
#include <pdb/pdb.h>
#include <sodium.h>

#include "external/client.h"

#define MS     INT64_C(1000000)
#define SECOND (1000 * MS)

typedef struct external_settings {
	const char *endpoint;
	const char *token_file;
	const char *ca_file;
	const char *cert_file;
	const char *key_file;
	int64_t timeout;
	int64_t pass_timeout;
	int64_t connections;
	int64_t breaker_failures;
	int64_t breaker_pause;
} external_settings;

/* What a reload reads anew, also when its path stays. */
#define FILE_OF(name, text)                                                                        \
	{                                                                                          \
		.key = "security.kms." #name, .type = PDB_OPTION_PATH,                             \
		.flags = PDB_OPTION_RELOADABLE, .offset = offsetof(external_settings, name),       \
		.help = (text)                                                                     \
	}

static const pdb_option options[] = {
	{.key = "security.kms.endpoint",
	 .type = PDB_OPTION_STRING,
	 .offset = offsetof(external_settings, endpoint),
	 .fallback = "unix:/run/progressdb-kms/kms.sock",
	 .env = "KMS_ENDPOINT",
	 .help = "Where progressdb-kms listens: unix:/path, https://host:port, or "
		 "http://address:port on an address of the machine itself."},
	FILE_OF(token_file, "The token of this server, for http: a line of role, name and secret; "
			    "closed to others."),
	FILE_OF(ca_file, "Authorities that sign the certificate of the KMS, PEM; for https."),
	FILE_OF(cert_file, "Certificate chain of this server as a client of the KMS, PEM."),
	FILE_OF(key_file, "Its private key, PEM."),
	{.key = "security.kms.timeout",
	 .type = PDB_OPTION_DURATION,
	 .offset = offsetof(external_settings, timeout),
	 .fallback = "1500ms",
	 .min = 10 * MS,
	 .max = 60 * SECOND,
	 .help = "A call of the KMS, with all its tries, ends after this."},
	{.key = "security.kms.pass_timeout",
	 .type = PDB_OPTION_DURATION,
	 .offset = offsetof(external_settings, pass_timeout),
	 .fallback = "15s",
	 .min = 10 * MS,
	 .max = 600 * SECOND,
	 .help = "The same for a step over many keys at once."},
	{.key = "security.kms.connections",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(external_settings, connections),
	 .fallback = "8",
	 .min = 1,
	 .max = CLIENT_CONNECTIONS_MAX,
	 .help = "Connections to the KMS at once."},
	{.key = "security.kms.breaker_failures",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(external_settings, breaker_failures),
	 .fallback = "5",
	 .min = 1,
	 .max = 1000000,
	 .help = "Calls in a row that must fail before the KMS is left alone for a while."},
	{.key = "security.kms.breaker_pause",
	 .type = PDB_OPTION_DURATION,
	 .offset = offsetof(external_settings, breaker_pause),
	 .fallback = "1s",
	 .min = 10 * MS,
	 .max = 60 * SECOND,
	 .help = "The longest while, after which one call is let through to see."},
};

static void check(const void *settings, pdb_problem_fn problem, void *arg)
{
	const external_settings *given = settings;
	wire_endpoint endpoint;
	pdb_err err = {0};

	if (wire_endpoint_read(given->endpoint, &endpoint, &err) != PDB_OK) {
		problem(arg, "security.kms.endpoint", err.text);
		return;
	}
	if (!wire_endpoint_safe(&endpoint)) {
		problem(arg, "security.kms.endpoint",
			"keys would cross the network in clear; use https");
	}
	if (endpoint.tls && (given->ca_file[0] == '\0' || given->cert_file[0] == '\0' ||
			     given->key_file[0] == '\0')) {
		problem(arg, "security.kms.endpoint",
			"https needs security.kms.ca_file, cert_file and key_file: both sides show "
			"a "
			"certificate");
	}
	if (!endpoint.tls && !endpoint.local && given->token_file[0] == '\0') {
		problem(arg, "security.kms.endpoint", "http needs security.kms.token_file");
	}
}

/* -- opening ------------------------------------------------------------------------------------
 */

/* A server starts without its KMS: what it needs no key for goes on. */
static void look(const pdb_host *host, client *c)
{
	client_call call = {.op = WIRE_OP_HEALTH};
	pdb_err err = {0};

	if (client_run(c, &call, &err) != PDB_OK) {
		host->log(PDB_LOG_ERROR, "kms", "the KMS cannot be used yet: %s", err.text);
	}
	client_call_fini(&call);
}

static credentials_files files_of(const external_settings *settings)
{
	return (credentials_files){
		.token = settings->token_file,
		.tls = {settings->cert_file, settings->key_file, settings->ca_file}};
}

static pdb_status kms_open(const pdb_kms_params *params, void **kms_out, pdb_err *err)
{
	const external_settings *settings = params->settings;
	const client_params given = {.host = params->host,
				     .endpoint = settings->endpoint,
				     .files = files_of(settings),
				     .connections = (size_t)settings->connections,
				     .timeout = settings->timeout,
				     .pass_timeout = settings->pass_timeout,
				     .failures = (uint32_t)settings->breaker_failures,
				     .pause_max = settings->breaker_pause};
	client *c = NULL;
	pdb_status status;

	*kms_out = NULL;
	if (sodium_init() < 0) {
		return pdb_err_set(err, PDB_EBACKEND, NULL, "the crypto library does not start");
	}
	status = client_open(&c, &given, err);
	if (status == PDB_OK) {
		look(params->host, c);
	}
	*kms_out = c;
	return status;
}

static void kms_close(void **kms)
{
	client *c = kms != NULL ? *kms : NULL;

	client_close(&c);
	if (kms != NULL) {
		*kms = NULL;
	}
}

/* Also when no option has changed: the files may have. */
static pdb_status kms_reload(void *kms, const void *settings, pdb_err *err)
{
	const credentials_files files = files_of(settings);

	return client_reload(kms, &files, err);
}

/* -- calls about one key --------------------------------------------------------------------------
 */

static pdb_status nonsense(pdb_err *err)
{
	return pdb_err_set(err, PDB_EUNAVAILABLE, "kms_unavailable",
			   "the KMS answers something else than was asked");
}

/* The one key of an answer. It must be the one that was asked for, when that was said. */
static pdb_status take_key(const client_call *call, pdb_kms_key *key, pdb_err *err)
{
	pdb_kms_key found = {.size = sizeof(found), .dek = key->dek};
	pdb_slice rows = call->answer.keys;
	pdb_slice id = call->request.id;

	if (call->answer.key_count != 1 || !wire_key_next(&rows, &found) ||
	    (id.len > 0 && pdb_slice_compare(id, pdb_slice_text(found.id)) != 0) ||
	    (key->dek != NULL && sodium_is_zero(key->dek, PDB_KMS_DEK_SIZE))) {
		if (key->dek != NULL) {
			sodium_memzero(key->dek, PDB_KMS_DEK_SIZE);
		}
		return nonsense(err);
	}
	found.size = key->size;
	*key = found;
	return PDB_OK;
}

static pdb_status call_key(void *kms, client_call *call, pdb_kms_key *key, pdb_err *err)
{
	pdb_status status;

	call->request.number = key->dek != NULL ? 1 : 0;
	status = client_run(kms, call, err);
	if (status == PDB_OK) {
		status = take_key(call, key, err);
	} else if (key->dek != NULL) {
		sodium_memzero(key->dek, PDB_KMS_DEK_SIZE);
	}
	client_call_fini(call);
	return status;
}

static pdb_status kms_create(void *kms, pdb_slice thread, pdb_kms_key *key, pdb_err *err)
{
	client_call call = {.op = WIRE_OP_CREATE, .request = {.thread = thread}};

	return call_key(kms, &call, key, err);
}

static pdb_status take_keys(const client_call *call, pdb_kms_key *keys, size_t count, pdb_err *err)
{
	pdb_slice rows = call->answer.keys;

	for (size_t i = 0; i < count; i++) {
		pdb_kms_key found = {.size = keys[i].size, .dek = keys[i].dek};

		if (!wire_key_next(&rows, &found)) {
			return nonsense(err);
		}
		keys[i] = found;
	}
	return call->answer.key_count == count ? PDB_OK : nonsense(err);
}

static pdb_status kms_prepare(void *kms, pdb_kms_key *keys, size_t count, pdb_err *err)
{
	client_call call = {.op = WIRE_OP_PREPARE, .request = {.number = (uint32_t)count}};
	pdb_status status;

	if (count == 0 || count > WIRE_KEYS_MAX) {
		return pdb_err_set(err, PDB_EINVAL, NULL, "1 to %u keys can be prepared at once",
				   WIRE_KEYS_MAX);
	}
	for (size_t i = 0; i < count; i++) {
		call.request.version |= keys[i].dek != NULL ? 1 : 0;
	}
	status = client_run(kms, &call, err);
	if (status == PDB_OK) {
		status = take_keys(&call, keys, count, err);
	}
	for (size_t i = 0; i < count && status != PDB_OK; i++) {
		if (keys[i].dek != NULL) {
			sodium_memzero(keys[i].dek, PDB_KMS_DEK_SIZE);
		}
	}
	client_call_fini(&call);
	return status;
}

static pdb_status kms_claim(void *kms, const char *id, pdb_slice thread, pdb_kms_key *key,
			    pdb_err *err)
{
	client_call call = {.op = WIRE_OP_CLAIM,
			    .request = {.id = pdb_slice_text(id), .thread = thread}};

	return call_key(kms, &call, key, err);
}

static pdb_status kms_unwrap(void *kms, const char *id, uint32_t version, pdb_kms_key *key,
			     pdb_err *err)
{
	client_call call = {.op = WIRE_OP_UNWRAP,
			    .request = {.id = pdb_slice_text(id), .version = version}};

	return call_key(kms, &call, key, err);
}

static pdb_status kms_add_version(void *kms, const char *id, uint32_t after, pdb_kms_key *key,
				  pdb_err *err)
{
	client_call call = {.op = WIRE_OP_ADD_VERSION,
			    .request = {.id = pdb_slice_text(id), .version = after}};

	return call_key(kms, &call, key, err);
}

static pdb_status kms_describe(void *kms, const char *id, pdb_kms_key *key, pdb_err *err)
{
	client_call call = {.op = WIRE_OP_DESCRIBE, .request = {.id = pdb_slice_text(id)}};
	uint8_t *dek = key->dek;
	pdb_status status;

	key->dek = NULL;
	status = call_key(kms, &call, key, err);
	key->dek = dek;
	return status;
}

/* A call that only says whether it worked. */
static pdb_status call_plain(void *kms, wire_op op, const wire_request *request,
			     uint32_t *number_out, pdb_err *err)
{
	client_call call = {.op = op, .request = *request};
	pdb_status status = client_run(kms, &call, err);

	if (status == PDB_OK && number_out != NULL) {
		*number_out = call.answer.number;
	}
	client_call_fini(&call);
	return status;
}

static pdb_status kms_destroy(void *kms, const char *id, const char *actor, pdb_err *err)
{
	const wire_request request = {.id = pdb_slice_text(id), .actor = pdb_slice_text(actor)};

	return call_plain(kms, WIRE_OP_DESTROY, &request, NULL, err);
}

static pdb_status kms_wrapped(void *kms, const char *id, uint32_t version, pdb_kms_text_fn text,
			      void *arg, pdb_err *err)
{
	client_call call = {.op = WIRE_OP_WRAPPED,
			    .request = {.id = pdb_slice_text(id), .version = version}};
	pdb_status status = client_run(kms, &call, err);

	if (status == PDB_OK) {
		text(arg, call.answer.bytes);
	}
	client_call_fini(&call);
	return status;
}

static pdb_status kms_restore(void *kms, pdb_slice wrapped, const char *actor, bool *stored_out,
			      pdb_err *err)
{
	const wire_request request = {.actor = pdb_slice_text(actor), .bytes = wrapped};
	uint32_t number = 0;
	pdb_status status = call_plain(kms, WIRE_OP_RESTORE, &request, &number, err);

	*stored_out = number != 0;
	return status;
}

static pdb_status kms_hold(void *kms, const char *id, bool on, const char *actor, pdb_err *err)
{
	const wire_request request = {
		.id = pdb_slice_text(id), .actor = pdb_slice_text(actor), .number = on ? 1 : 0};

	return call_plain(kms, WIRE_OP_HOLD, &request, NULL, err);
}

/* -- KEK versions and passes ----------------------------------------------------------------------
 */

static pdb_status kms_rotate(void *kms, const char *actor, uint32_t *version_out, pdb_err *err)
{
	const wire_request request = {.actor = pdb_slice_text(actor)};

	return call_plain(kms, WIRE_OP_ROTATE_KEK, &request, version_out, err);
}

static pdb_status kms_add_kek(void *kms, const char *actor, uint32_t *version_out, pdb_err *err)
{
	const wire_request request = {.actor = pdb_slice_text(actor)};

	return call_plain(kms, WIRE_OP_ADD_KEK, &request, version_out, err);
}

static pdb_status kms_set_kek(void *kms, uint32_t version, uint32_t state, const char *actor,
			      pdb_err *err)
{
	const wire_request request = {
		.actor = pdb_slice_text(actor), .version = version, .number = state};

	return call_plain(kms, WIRE_OP_SET_KEK, &request, NULL, err);
}

static pdb_status kms_retire(void *kms, uint32_t version, const char *actor, pdb_err *err)
{
	const wire_request request = {.actor = pdb_slice_text(actor), .version = version};

	return call_plain(kms, WIRE_OP_RETIRE, &request, NULL, err);
}

static pdb_status kms_rewrap_key(void *kms, const char *id, pdb_err *err)
{
	const wire_request request = {.id = pdb_slice_text(id)};

	return call_plain(kms, WIRE_OP_REWRAP_KEY, &request, NULL, err);
}

static pdb_status call_pass(void *kms, wire_op op, uint32_t limit, pdb_kms_progress *progress,
			    pdb_err *err)
{
	client_call call = {.op = op, .request = {.number = limit, .progress = *progress}};
	pdb_status status = client_run(kms, &call, err);
	uint32_t size = progress->size;

	if (status == PDB_OK) {
		*progress = call.answer.progress;
		progress->size = size;
	}
	client_call_fini(&call);
	return status;
}

static pdb_status kms_rewrap(void *kms, uint32_t limit, pdb_kms_progress *progress, pdb_err *err)
{
	return call_pass(kms, WIRE_OP_REWRAP, limit, progress, err);
}

static pdb_status kms_verify(void *kms, uint32_t limit, pdb_kms_progress *progress, pdb_err *err)
{
	return call_pass(kms, WIRE_OP_VERIFY, limit, progress, err);
}

/* -- looking ---------------------------------------------------------------------------------- */

static pdb_status kms_shred_status(void *kms, const char *id, pdb_kms_shred *out, pdb_err *err)
{
	client_call call = {.op = WIRE_OP_SHRED_STATUS, .request = {.id = pdb_slice_text(id)}};
	pdb_status status = client_run(kms, &call, err);
	uint32_t size = out->size;

	if (status == PDB_OK) {
		*out = call.answer.shred;
		out->size = size;
	}
	client_call_fini(&call);
	return status;
}

static pdb_status kms_receipt(void *kms, const char *id, pdb_kms_text_fn text, void *arg,
			      pdb_err *err)
{
	client_call call = {.op = WIRE_OP_RECEIPT, .request = {.id = pdb_slice_text(id)}};
	pdb_status status = client_run(kms, &call, err);

	if (status == PDB_OK) {
		text(arg, call.answer.bytes);
	}
	client_call_fini(&call);
	return status;
}

/* One page; *last is the id of its last key, *more whether there may be another. */
static pdb_status each_page(const client_call *call, pdb_kms_key_fn row, void *arg,
			    char last[PDB_KMS_ID_SIZE])
{
	pdb_slice rows = call->answer.keys;
	pdb_kms_key key = {.size = sizeof(key)};
	pdb_status status = PDB_OK;

	while (status == PDB_OK && wire_key_next(&rows, &key)) {
		memcpy(last, key.id, PDB_KMS_ID_SIZE);
		status = row(arg, &key);
	}
	return status;
}

static pdb_status kms_each(void *kms, const char *after, pdb_kms_key_fn row, void *arg,
			   pdb_err *err)
{
	char last[PDB_KMS_ID_SIZE] = "";
	uint32_t got = WIRE_KEYS_MAX;
	pdb_status status = PDB_OK;

	if (after != NULL) {
		(void)snprintf(last, sizeof(last), "%s", after);
	}
	while (status == PDB_OK && got == WIRE_KEYS_MAX) {
		client_call call = {
			.op = WIRE_OP_EACH,
			.request = {.id = pdb_slice_text(last), .number = WIRE_KEYS_MAX}};

		status = client_run(kms, &call, err);
		got = call.answer.key_count;
		if (status == PDB_OK) {
			status = each_page(&call, row, arg, last);
		}
		client_call_fini(&call);
	}
	return status == PDB_ESTOP ? PDB_OK : status;
}

static pdb_status kms_keks(void *kms, pdb_kms_kek_fn row, void *arg, pdb_err *err)
{
	client_call call = {.op = WIRE_OP_KEKS};
	pdb_status status = client_run(kms, &call, err);
	pdb_slice rows = call.answer.keks;
	pdb_kms_kek kek;

	while (status == PDB_OK && wire_kek_next(&rows, &kek)) {
		status = row(arg, &kek);
	}
	client_call_fini(&call);
	return status == PDB_ESTOP ? PDB_OK : status;
}

static pdb_status kms_health(void *kms, pdb_kms_health *out, pdb_err *err)
{
	client_call call = {.op = WIRE_OP_HEALTH};
	pdb_status status = client_run(kms, &call, err);
	uint32_t size = out->size;

	if (status == PDB_OK) {
		*out = call.answer.health;
		out->size = size;
	}
	client_call_fini(&call);
	return status;
}

/* Of this side only: figures must not wait for a network. */
static void kms_stats(void *kms, pdb_kms_stat_fn stat, void *arg)
{
	client_stats stats;

	client_read_stats(kms, &stats);
	stat(arg, "calls_total", (double)stats.calls);
	stat(arg, "call_failures_total", (double)stats.failures);
	stat(arg, "call_retries_total", (double)stats.retries);
	stat(arg, "calls_refused_total", (double)stats.refused);
	stat(arg, "breaker_open", stats.open ? 1 : 0);
}

static const pdb_kms_ops ops = {
	.size = sizeof(pdb_kms_ops),
	.capabilities = PDB_KMS_BLOCKING,
	.open = kms_open,
	.close = kms_close,
	.create = kms_create,
	.prepare = kms_prepare,
	.claim = kms_claim,
	.unwrap = kms_unwrap,
	.add_version = kms_add_version,
	.describe = kms_describe,
	.destroy = kms_destroy,
	.rotate_kek = kms_rotate,
	.add_kek = kms_add_kek,
	.set_kek = kms_set_kek,
	.rewrap_key = kms_rewrap_key,
	.rewrap = kms_rewrap,
	.verify = kms_verify,
	.retire = kms_retire,
	.shred_status = kms_shred_status,
	.receipt = kms_receipt,
	.each = kms_each,
	.keks = kms_keks,
	.health = kms_health,
	.stats = kms_stats,
	.hold = kms_hold,
	.wrapped = kms_wrapped,
	.restore = kms_restore,
	.reload = kms_reload,
};

PDB_PLUGIN(external, KMS, "0.1.0", "Apache-2.0", "Keys in progressdb-kms",
	   .options = PDB_OPTION_TABLE(options, external_settings), .check = check, .ops = &ops);
