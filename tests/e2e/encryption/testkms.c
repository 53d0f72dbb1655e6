/* SPDX-License-Identifier: Apache-2.0 */
/* A key service for tests: keys in files, faults by order, a line for each call. */
#include <errno.h>
#include <fcntl.h>
#include <pdb/pdb.h>
#include <sodium.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/*
 * In its directory: one file a key, "calls" with a line for each call, and "fault", in which a test
 * writes what is to happen: "down", "error", "nonsense", or "hang", which is a call that ends
 * after HANG with nothing. It says that it blocks, as a provider at the other end of a network
 * does.
 */
#define HANG_MS      1200
#define VERSIONS_MAX 8u
#define BOX_SIZE     (crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + PDB_KMS_DEK_SIZE)

typedef struct testkms {
	const pdb_host *host;
	char directory[512];
	uint8_t kek[crypto_secretbox_KEYBYTES];
} testkms;

typedef struct stored {
	uint32_t state;
	uint32_t newest;
	char thread[PDB_KMS_THREAD_SIZE];
	uint8_t wrapped[VERSIONS_MAX][BOX_SIZE];
} stored;

static pdb_status failed(pdb_err *err)
{
	return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "the file of a key: %s", strerror(errno));
}

static void tell(testkms *kms, const char *op, const char *id)
{
	char path[600];
	char line[128];
	int len = snprintf(line, sizeof(line), "%s %s\n", op, id);
	int fd;

	(void)snprintf(path, sizeof(path), "%s/calls", kms->directory);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0) {
		(void)!write(fd, line, (size_t)len);
		(void)close(fd);
	}
}

static void fault(const testkms *kms, char out[16])
{
	char path[600];
	ssize_t len = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/fault", kms->directory);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, out, 15);
		(void)close(fd);
	}
	out[len > 0 ? len : 0] = '\0';
}

/* Begins a call; "nonsense" is left to it. */
static pdb_status begin(testkms *kms, const char *op, const char *id, bool *nonsense, pdb_err *err)
{
	const struct timespec hang = {.tv_sec = HANG_MS / 1000,
				      .tv_nsec = HANG_MS % 1000 * 1000000L};
	char what[16];

	tell(kms, op, id);
	fault(kms, what);
	*nonsense = strcmp(what, "nonsense") == 0;
	if (strcmp(what, "hang") == 0) {
		(void)nanosleep(&hang, NULL);
		return pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "no answer");
	}
	if (strcmp(what, "error") == 0) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "an error by order");
	}
	return strcmp(what, "down") == 0
		       ? pdb_err_set(err, PDB_EUNAVAILABLE, NULL, "nobody is there")
		       : PDB_OK;
}

static pdb_status load(testkms *kms, const char *id, stored *out, pdb_err *err)
{
	char path[600];
	bool read_all;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/key-%s", kms->directory, id);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return pdb_err_set(err, PDB_ENOTFOUND, NULL, "no such key");
	}
	read_all = read(fd, out, sizeof(*out)) == (ssize_t)sizeof(*out);
	(void)close(fd);
	return read_all ? PDB_OK : failed(err);
}

static pdb_status save(testkms *kms, const char *id, const stored *s, pdb_err *err)
{
	char path[600];
	char fresh[610];
	bool written;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/key-%s", kms->directory, id);
	(void)snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0) {
		return failed(err);
	}
	written = write(fd, s, sizeof(*s)) == (ssize_t)sizeof(*s);
	(void)close(fd);
	return written && rename(fresh, path) == 0 ? PDB_OK : failed(err);
}

static void wrap(const testkms *kms, stored *s, const uint8_t dek[PDB_KMS_DEK_SIZE])
{
	uint8_t *box = s->wrapped[s->newest - 1];

	randombytes_buf(box, crypto_secretbox_NONCEBYTES);
	(void)crypto_secretbox_easy(box + crypto_secretbox_NONCEBYTES, dek, PDB_KMS_DEK_SIZE, box,
				    kms->kek);
}

static void describe_stored(const char *id, const stored *s, uint32_t version, pdb_kms_key *key)
{
	key->state = s->state;
	key->dek_version = version;
	key->newest = s->newest;
	key->kek_version = 1;
	key->created = 1;
	(void)snprintf(key->id, sizeof(key->id), "%s", id);
	(void)snprintf(key->kek_id, sizeof(key->kek_id), "%032d", 1);
	memcpy(key->thread, s->thread, sizeof(key->thread));
}

static pdb_status hand_out(const testkms *kms, const char *id, const stored *s, uint32_t version,
			   pdb_kms_key *key, pdb_err *err)
{
	const uint8_t *box = s->wrapped[version - 1];

	describe_stored(id, s, version, key);
	if (key->dek != NULL &&
	    crypto_secretbox_open_easy(key->dek, box + crypto_secretbox_NONCEBYTES,
				       BOX_SIZE - crypto_secretbox_NONCEBYTES, box,
				       kms->kek) != 0) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "the key does not open");
	}
	return PDB_OK;
}

static pdb_status make(testkms *kms, pdb_slice thread, uint32_t state, pdb_kms_key *key,
		       pdb_err *err)
{
	stored s = {.state = state, .newest = 1};
	uint8_t dek[PDB_KMS_DEK_SIZE];
	uint8_t number[16];
	char id[PDB_KMS_ID_SIZE];
	pdb_status status;

	randombytes_buf(number, sizeof(number));
	(void)sodium_bin2hex(id, sizeof(id), number, sizeof(number));
	(void)snprintf(s.thread, sizeof(s.thread), "%.*s", PDB_SLICE_ARGS(thread));
	randombytes_buf(dek, sizeof(dek));
	wrap(kms, &s, dek);
	sodium_memzero(dek, sizeof(dek));
	status = save(kms, id, &s, err);
	return status == PDB_OK ? hand_out(kms, id, &s, 1, key, err) : status;
}

static pdb_status kms_create(void *self, pdb_slice thread, pdb_kms_key *key, pdb_err *err)
{
	bool nonsense;
	pdb_status status = begin(self, "create", "-", &nonsense, err);

	if (status == PDB_OK && nonsense) {
		key->dek_version = 7;
		return PDB_OK;
	}
	return status == PDB_OK ? make(self, thread, PDB_KMS_KEY_BOUND, key, err) : status;
}

static pdb_status kms_prepare(void *self, pdb_kms_key *keys, size_t count, pdb_err *err)
{
	bool nonsense;
	pdb_status status = begin(self, "prepare", "-", &nonsense, err);

	for (size_t i = 0; i < count && status == PDB_OK && !nonsense; i++) {
		status = make(self, PDB_SLICE(""), PDB_KMS_KEY_PREPARED, &keys[i], err);
	}
	return status;
}

static pdb_status kms_claim(void *self, const char *id, pdb_slice thread, pdb_kms_key *key,
			    pdb_err *err)
{
	testkms *kms = self;
	stored s;
	bool nonsense;
	pdb_status status = begin(kms, "claim", id, &nonsense, err);

	if (status == PDB_OK) {
		status = load(kms, id, &s, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	if (s.state == PDB_KMS_KEY_DESTROYED) {
		return pdb_err_set(err, PDB_ENOTFOUND, "key_destroyed", "destroyed");
	}
	if (s.thread[0] != '\0' && !pdb_slice_is(thread, s.thread)) {
		return pdb_err_set(err, PDB_EDENIED, NULL, "another thread's");
	}
	s.state = PDB_KMS_KEY_BOUND;
	(void)snprintf(s.thread, sizeof(s.thread), "%.*s", PDB_SLICE_ARGS(thread));
	describe_stored(id, &s, s.newest, key);
	return save(kms, id, &s, err);
}

/* What a service that has gone mad hands out. */
static pdb_status babble(const char *id, const stored *s, uint32_t version, pdb_kms_key *key)
{
	describe_stored(id, s, version, key);
	if (key->dek != NULL) {
		randombytes_buf(key->dek, PDB_KMS_DEK_SIZE);
	}
	return PDB_OK;
}

static pdb_status kms_unwrap(void *self, const char *id, uint32_t version, pdb_kms_key *key,
			     pdb_err *err)
{
	testkms *kms = self;
	stored s;
	bool nonsense;
	pdb_status status = begin(kms, "unwrap", id, &nonsense, err);

	if (status == PDB_OK) {
		status = load(kms, id, &s, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	version = version == 0 ? s.newest : version;
	if (s.state == PDB_KMS_KEY_DESTROYED || version > s.newest) {
		return pdb_err_set(err, PDB_ENOTFOUND, "key_destroyed", "destroyed");
	}
	return nonsense ? babble(id, &s, version, key) : hand_out(kms, id, &s, version, key, err);
}

static pdb_status kms_add_version(void *self, const char *id, uint32_t after, pdb_kms_key *key,
				  pdb_err *err)
{
	testkms *kms = self;
	stored s;
	uint8_t dek[PDB_KMS_DEK_SIZE];
	bool nonsense;
	pdb_status status = begin(kms, "add_version", id, &nonsense, err);

	if (status == PDB_OK) {
		status = load(kms, id, &s, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	if (s.state == PDB_KMS_KEY_DESTROYED || s.newest == VERSIONS_MAX) {
		return pdb_err_set(err, PDB_ENOTFOUND, "key_destroyed", "destroyed");
	}
	if (s.newest == after) {
		s.newest++;
		randombytes_buf(dek, sizeof(dek));
		wrap(kms, &s, dek);
		sodium_memzero(dek, sizeof(dek));
		status = save(kms, id, &s, err);
	} else if (s.newest != after + 1) {
		status = pdb_err_set(err, PDB_ESTALE, NULL, "another version is the newest");
	}
	return status == PDB_OK ? hand_out(kms, id, &s, s.newest, key, err) : status;
}

static pdb_status kms_describe(void *self, const char *id, pdb_kms_key *key, pdb_err *err)
{
	stored s;
	bool nonsense;
	pdb_status status = begin(self, "describe", id, &nonsense, err);

	if (status == PDB_OK) {
		status = load(self, id, &s, err);
	}
	if (status == PDB_OK) {
		describe_stored(id, &s, s.newest, key);
	}
	return status;
}

static pdb_status kms_destroy(void *self, const char *id, const char *actor, pdb_err *err)
{
	stored s;
	bool nonsense;
	pdb_status status = begin(self, "destroy", id, &nonsense, err);

	(void)actor;
	if (status == PDB_OK) {
		status = load(self, id, &s, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	s.state = PDB_KMS_KEY_DESTROYED;
	memset(s.wrapped, 0, sizeof(s.wrapped));
	return save(self, id, &s, err);
}

static pdb_status kms_rotate(void *self, const char *actor, uint32_t *version_out, pdb_err *err)
{
	(void)self;
	(void)actor;
	*version_out = 0;
	return pdb_err_set(err, PDB_ENOTSUP, NULL, "it has one KEK");
}

static pdb_status kms_set_kek(void *self, uint32_t version, uint32_t state, const char *actor,
			      pdb_err *err)
{
	(void)version;
	(void)state;
	return kms_rotate(self, actor, &version, err);
}

static pdb_status kms_retire(void *self, uint32_t version, const char *actor, pdb_err *err)
{
	return kms_rotate(self, actor, &version, err);
}

static pdb_status kms_rewrap_key(void *self, const char *id, pdb_err *err)
{
	bool nonsense;

	return begin(self, "rewrap", id, &nonsense, err);
}

static pdb_status kms_pass(void *self, uint32_t limit, pdb_kms_progress *progress, pdb_err *err)
{
	bool nonsense;

	(void)limit;
	progress->finished = 1;
	return begin(self, "pass", "-", &nonsense, err);
}

static pdb_status kms_shred_status(void *self, const char *id, pdb_kms_shred *out, pdb_err *err)
{
	stored s;
	pdb_status status = load(self, id, &s, err);

	if (status == PDB_OK) {
		out->state = s.state == PDB_KMS_KEY_DESTROYED ? PDB_KMS_SHRED_LOGICAL
							      : PDB_KMS_SHRED_LIVE;
		out->kek_version = 1;
	}
	return status;
}

static pdb_status kms_receipt(void *self, const char *id, pdb_kms_text_fn text, void *arg,
			      pdb_err *err)
{
	stored s;
	pdb_status status = load(self, id, &s, err);

	if (status == PDB_OK && s.state != PDB_KMS_KEY_DESTROYED) {
		status = pdb_err_set(err, PDB_ENOTFOUND, NULL, "the key lives");
	}
	if (status == PDB_OK) {
		text(arg, PDB_SLICE("{\"receipt\":\"of a test\"}"));
	}
	return status;
}

static pdb_status kms_each(void *self, const char *after, pdb_kms_key_fn row, void *arg,
			   pdb_err *err)
{
	(void)self;
	(void)after;
	(void)row;
	(void)arg;
	(void)err;
	return PDB_OK;
}

static pdb_status kms_keks(void *self, pdb_kms_kek_fn row, void *arg, pdb_err *err)
{
	const pdb_kms_kek kek = {
		.size = sizeof(kek), .version = 1, .state = PDB_KMS_KEK_ACTIVE, .id = "one"};

	(void)self;
	(void)err;
	return row(arg, &kek);
}

static pdb_status kms_health(void *self, pdb_kms_health *out, pdb_err *err)
{
	bool nonsense;

	out->kek_version = 1;
	return begin(self, "health", "-", &nonsense, err);
}

static pdb_status kms_open(const pdb_kms_params *params, void **kms_out, pdb_err *err)
{
	testkms *kms = params->host->alloc(sizeof(*kms));

	if (kms == NULL || sodium_init() < 0) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "no memory");
	}
	memset(kms, 0, sizeof(*kms));
	kms->host = params->host;
	memset(kms->kek, 0x5a, sizeof(kms->kek));
	(void)snprintf(kms->directory, sizeof(kms->directory), "%s", params->directory);
	(void)mkdir(kms->directory, 0700);
	*kms_out = kms;
	return PDB_OK;
}

static void kms_close(void **kms)
{
	testkms *old = *kms;

	if (old != NULL) {
		old->host->free(old);
	}
	*kms = NULL;
}

static const pdb_kms_ops ops = {
	.size = sizeof(ops),
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
	.add_kek = kms_rotate,
	.set_kek = kms_set_kek,
	.rewrap_key = kms_rewrap_key,
	.rewrap = kms_pass,
	.verify = kms_pass,
	.retire = kms_retire,
	.shred_status = kms_shred_status,
	.receipt = kms_receipt,
	.each = kms_each,
	.keks = kms_keks,
	.health = kms_health,
};

PDB_PLUGIN(testkms, KMS, "0.1.0", "Apache-2.0", "Keys in files, for tests", .ops = &ops);
