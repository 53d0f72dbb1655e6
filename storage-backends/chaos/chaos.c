/* SPDX-License-Identifier: Apache-2.0 */
/* The chaos backend: wraps another and now and then gives each result that the contract allows. */
#include <pdb/pdb.h>
#include <stdatomic.h>
#include <time.h>

typedef struct chaos_settings {
	int64_t seed;
	int64_t conflict;
	int64_t uncertain;
	int64_t full;
	int64_t backend;
	int64_t nomem;
	int64_t latency;
} chaos_settings;

#define PROBABILITY(name, what)                                                                    \
	{                                                                                          \
		.key = "storage.chaos." #name, .type = PDB_OPTION_INT,                             \
		.offset = offsetof(chaos_settings, name), .fallback = "0", .min = 0, .max = 10000, \
		.unit = "per 10,000", .help = (what)                                               \
	}

static const pdb_option OPTIONS[] = {
	{.key = "storage.chaos.seed",
	 .type = PDB_OPTION_INT,
	 .offset = offsetof(chaos_settings, seed),
	 .fallback = "0",
	 .min = 0,
	 .max = INT64_MAX,
	 .help = "Where the random numbers begin; 0 draws one and logs it."},
	PROBABILITY(conflict, "How often an operation or a commit is a conflict."),
	PROBABILITY(uncertain, "How often the outcome of a commit is not told."),
	PROBABILITY(full, "How often a write or a commit finds the disk full."),
	PROBABILITY(backend, "How often an operation or a commit fails in the backend."),
	PROBABILITY(nomem, "How often an operation or a commit finds no memory."),
	{.key = "storage.chaos.latency",
	 .type = PDB_OPTION_DURATION,
	 .offset = offsetof(chaos_settings, latency),
	 .fallback = "0",
	 .min = 0,
	 .max = INT64_C(60000000000),
	 .help = "The longest that a commit or sync is made to wait."},
};

typedef struct chaos_db {
	const pdb_host *host;
	const chaos_settings *settings;
	const pdb_storage_ops *inner;
	void *inner_db;
	atomic_uint_fast64_t random;
} chaos_db;

typedef struct chaos_txn {
	chaos_db *db;
	void *inner_txn;
	pdb_status failed; /* a fault was given: only abort is possible */
} chaos_txn;

/* SplitMix64: each call takes the next number of the sequence, whatever thread it is on. */
static uint64_t draw(chaos_db *db)
{
	uint64_t x = atomic_fetch_add(&db->random, UINT64_C(0x9e3779b97f4a7c15));

	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static bool happens(chaos_db *db, int64_t probability)
{
	return probability > 0 && (int64_t)(draw(db) % 10000u) < probability;
}

static pdb_status fault(pdb_err *err, pdb_status status)
{
	return pdb_err_set(err, status, NULL, "A fault was injected.");
}

/* What may befall any operation. */
static pdb_status common_fault(chaos_db *db, pdb_err *err)
{
	const chaos_settings *s = db->settings;

	if (happens(db, s->conflict)) {
		return fault(err, PDB_ECONFLICT);
	}
	if (happens(db, s->backend)) {
		return fault(err, PDB_EBACKEND);
	}
	return happens(db, s->nomem) ? fault(err, PDB_ENOMEM) : PDB_OK;
}

static pdb_status write_fault(chaos_db *db, pdb_err *err)
{
	return happens(db, db->settings->full) ? fault(err, PDB_EFULL) : common_fault(db, err);
}

static void delay(chaos_db *db)
{
	struct timespec wait;
	int64_t ns;

	if (db->settings->latency <= 0) {
		return;
	}
	ns = (int64_t)(draw(db) % (uint64_t)db->settings->latency);
	wait.tv_sec = (time_t)(ns / INT64_C(1000000000));
	wait.tv_nsec = (long)(ns % INT64_C(1000000000));
	(void)nanosleep(&wait, NULL);
}

static void start_random(chaos_db *db)
{
	uint64_t seed = (uint64_t)db->settings->seed;

	if (seed == 0) {
		db->host->random(&seed, sizeof(seed));
		seed = (seed >> 1) | 1u;
	}
	db->host->log(PDB_LOG_INFO, "chaos", "storage.chaos.seed: %llu", (unsigned long long)seed);
	atomic_init(&db->random, seed);
}

static pdb_status chaos_open(const pdb_storage_params *params, void **db_out, pdb_err *err)
{
	pdb_storage_params given = *params;
	chaos_db *db;
	pdb_status status;

	if (params->inner == NULL) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "chaos wraps another backend; name it with storage.inner.");
	}
	db = params->host->alloc(sizeof(*db));
	if (db == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "No memory for the backend.");
	}
	*db = (chaos_db){
		.host = params->host, .settings = params->settings, .inner = params->inner};
	given.settings = params->inner_settings;
	given.inner = NULL;
	given.inner_settings = NULL;
	status = db->inner->open(&given, &db->inner_db, err);
	if (status != PDB_OK) {
		params->host->free(db);
		return status;
	}
	start_random(db);
	*db_out = db;
	return PDB_OK;
}

static void chaos_close(void **db_)
{
	chaos_db *db = *db_;

	*db_ = NULL;
	if (db == NULL) {
		return;
	}
	db->inner->close(&db->inner_db);
	db->host->free(db);
}

static pdb_status chaos_begin(void *db_, bool write, void **txn_out, pdb_err *err)
{
	chaos_db *db = db_;
	chaos_txn *txn;
	pdb_status status = common_fault(db, err);

	if (status != PDB_OK) {
		return status;
	}
	txn = db->host->alloc(sizeof(*txn));
	if (txn == NULL) {
		return pdb_err_set(err, PDB_ENOMEM, NULL, "No memory for a transaction.");
	}
	*txn = (chaos_txn){.db = db};
	status = db->inner->begin(db->inner_db, write, &txn->inner_txn, err);
	if (status != PDB_OK) {
		db->host->free(txn);
		return status;
	}
	*txn_out = txn;
	return PDB_OK;
}

static void chaos_abort(void **txn_)
{
	chaos_txn *txn = *txn_;

	*txn_ = NULL;
	if (txn == NULL) {
		return;
	}
	txn->db->inner->abort(&txn->inner_txn);
	txn->db->host->free(txn);
}

/* A transaction that was given a fault stays failed, as an engine's would. */
static pdb_status befall(chaos_txn *txn, bool write, pdb_err *err)
{
	if (txn->failed != PDB_OK) {
		return fault(err, txn->failed);
	}
	txn->failed = write ? write_fault(txn->db, err) : common_fault(txn->db, err);
	return txn->failed;
}

static pdb_status chaos_get(void *txn_, const pdb_key *key, pdb_slice *value_out, pdb_err *err)
{
	chaos_txn *txn = txn_;
	pdb_status status = befall(txn, false, err);

	return status == PDB_OK ? txn->db->inner->get(txn->inner_txn, key, value_out, err) : status;
}

static pdb_status chaos_put(void *txn_, const pdb_key *key, pdb_slice value, pdb_err *err)
{
	chaos_txn *txn = txn_;
	pdb_status status = befall(txn, true, err);

	return status == PDB_OK ? txn->db->inner->put(txn->inner_txn, key, value, err) : status;
}

static pdb_status chaos_insert(void *txn_, const pdb_key *key, pdb_slice value, pdb_err *err)
{
	chaos_txn *txn = txn_;
	pdb_status status = befall(txn, true, err);

	return status == PDB_OK ? txn->db->inner->insert(txn->inner_txn, key, value, err) : status;
}

static pdb_status chaos_remove(void *txn_, const pdb_key *key, pdb_err *err)
{
	chaos_txn *txn = txn_;
	pdb_status status = befall(txn, true, err);

	return status == PDB_OK ? txn->db->inner->remove(txn->inner_txn, key, err) : status;
}

static pdb_status chaos_scan(void *txn_, const pdb_range *range, pdb_row_fn row, void *arg,
			     pdb_err *err)
{
	chaos_txn *txn = txn_;
	pdb_status status = befall(txn, false, err);

	return status == PDB_OK ? txn->db->inner->scan(txn->inner_txn, range, row, arg, err)
				: status;
}

/* Commits or rolls back, each half of the time, and does not say which. */
static pdb_status commit_uncertain(chaos_txn *txn, pdb_err *err)
{
	if (draw(txn->db) % 2 == 0) {
		(void)txn->db->inner->commit(&txn->inner_txn, err);
	} else {
		txn->db->inner->abort(&txn->inner_txn);
	}
	return fault(err, PDB_EUNCERTAIN);
}

static pdb_status chaos_commit(void **txn_, pdb_err *err)
{
	chaos_txn *txn = *txn_;
	pdb_status status;

	delay(txn->db);
	status = befall(txn, true, err);
	if (status == PDB_OK) {
		status = happens(txn->db, txn->db->settings->uncertain)
				 ? commit_uncertain(txn, err)
				 : txn->db->inner->commit(&txn->inner_txn, err);
	}
	chaos_abort(txn_);
	return status;
}

/* Only slow, never failing: a sync that fails ends the process, and that is another test. */
static pdb_status chaos_sync(void *db_, pdb_err *err)
{
	chaos_db *db = db_;

	delay(db);
	return db->inner->sync(db->inner_db, err);
}

static pdb_status chaos_backup(void *db_, const char *directory, pdb_err *err)
{
	chaos_db *db = db_;

	return PDB_HAS(db->inner, backup)
		       ? db->inner->backup(db->inner_db, directory, err)
		       : pdb_err_set(err, PDB_ENOTSUP, NULL, "The backend below has no backup.");
}

static pdb_status chaos_stats(void *db_, pdb_stat_fn stat, void *arg)
{
	chaos_db *db = db_;

	return PDB_HAS(db->inner, stats) ? db->inner->stats(db->inner_db, stat, arg) : PDB_OK;
}

static pdb_status chaos_check(void *db_, pdb_err *err)
{
	chaos_db *db = db_;

	return PDB_HAS(db->inner, check)
		       ? db->inner->check(db->inner_db, err)
		       : pdb_err_set(err, PDB_ENOTSUP, NULL, "The backend below has no check.");
}

static pdb_status chaos_files(void *db_, pdb_storage_file_fn file, void *arg, pdb_err *err)
{
	chaos_db *db = db_;

	return PDB_HAS(db->inner, files)
		       ? db->inner->files(db->inner_db, file, arg, err)
		       : pdb_err_set(err, PDB_ENOTSUP, NULL, "The backend below has no backup.");
}

/* No capability of its own: it has those of the backend below. */
static const pdb_storage_ops chaos_ops = {
	.size = sizeof(pdb_storage_ops),
	.open = chaos_open,
	.close = chaos_close,
	.begin = chaos_begin,
	.get = chaos_get,
	.put = chaos_put,
	.insert = chaos_insert,
	.remove = chaos_remove,
	.scan = chaos_scan,
	.commit = chaos_commit,
	.abort = chaos_abort,
	.sync = chaos_sync,
	.backup = chaos_backup,
	.stats = chaos_stats,
	.check = chaos_check,
	.files = chaos_files,
};

PDB_PLUGIN(chaos, STORAGE, "0.1.0", "Apache-2.0", "Wraps another backend and injects faults.",
	   .options = PDB_OPTION_TABLE(OPTIONS, chaos_settings), .ops = &chaos_ops);
