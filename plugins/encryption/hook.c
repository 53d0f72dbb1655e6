/* SPDX-License-Identifier: Apache-2.0 */
/* The record hook: seals on the way in, opens on the way out. */
#include "encryption_private.h"
#include "note.h"

#define TAG   "SEAL"
#define WHOLE "/body"

static void count(_Atomic uint64_t *counter)
{
	(void)atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* Met with every record: counted where no other thread counts. */
static void count_one(const encryption *self, pdb_series *series)
{
	if (series != NULL) {
		self->host->metrics->add_to(series, 1);
	}
}

static bool may_block(const encryption *self, pdb_record *record)
{
	return self->host->record_may_block(record) == PDB_OK;
}

static crypt_place place_of(const encryption *self, const pdb_record *record)
{
	return (crypt_place){.database = self->database,
			     .thread = self->host->record_thread(record),
			     .message = self->host->record_message(record),
			     .version = self->host->record_version(record)};
}

/* -- what is covered --------------------------------------------------------------------------- */

/* The covered values of a body; paths are kept as places in `text` while that may still move. */
typedef struct cover {
	const encryption *self;
	crypt_span spans[FRAME_COUNT_MAX];
	size_t at[FRAME_COUNT_MAX];
	size_t count;
	char *text;
	size_t text_len;
	size_t text_cap;
} cover;

static pdb_status text_add(cover *c, pdb_slice path)
{
	if (path.len > c->text_cap - c->text_len) {
		size_t cap = 2 * c->text_cap + path.len + 256;
		char *grown = c->self->host->realloc(c->text, cap);

		if (grown == NULL) {
			return PDB_ENOMEM;
		}
		c->text = grown;
		c->text_cap = cap;
	}
	memcpy(c->text + c->text_len, path.ptr, path.len);
	c->text_len += path.len;
	return PDB_OK;
}

static pdb_status cover_add(void *arg, const path_match *match)
{
	cover *c = arg;
	crypt_span *span = &c->spans[c->count];

	if (c->count == FRAME_COUNT_MAX) {
		return PDB_ETOOLARGE;
	}
	span->value = match->span;
	span->path.len = match->path.len;
	c->at[c->count++] = c->text_len;
	return text_add(c, match->path);
}

/* What has too many covered values, or some too deep to be named, is sealed as a whole. */
static void cover_whole(cover *c, pdb_slice body)
{
	c->count = 1;
	c->spans[0].value = body;
	c->spans[0].path = PDB_SLICE(WHOLE);
}

static pdb_status cover_find(encryption *self, pdb_slice body, cover *c)
{
	pdb_status status = PDB_OK;

	c->self = self;
	(void)pthread_rwlock_rdlock(&self->lock);
	if (self->use) {
		status = path_list_match(self->paths, self->host->json, body, cover_add, c);
	}
	(void)pthread_rwlock_unlock(&self->lock);
	for (size_t i = 0; i < c->count; i++) {
		c->spans[i].path.ptr = (const uint8_t *)c->text + c->at[i];
	}
	if (status == PDB_ETOOLARGE) {
		cover_whole(c, body);
		status = PDB_OK;
	}
	return status;
}

/* -- the key of a thread ----------------------------------------------------------------------- */

/* What a write is told when its key cannot be had. The words go to the log only. */
static pdb_status no_key(pdb_status status, pdb_err *err)
{
	if (status == PDB_ENOTFOUND && err->code != NULL &&
	    strcmp(err->code, "key_destroyed") == 0) {
		return pdb_err_set(err, PDB_EEXISTS, "key_destroyed",
				   "The key of this thread is destroyed: nothing can be written "
				   "to it any more.");
	}
	if (status == PDB_ENOTFOUND || status == PDB_EDENIED || status == PDB_ECORRUPT ||
	    status == PDB_EINVAL) {
		err->status = PDB_EUNAVAILABLE;
		err->code = "kms_unavailable";
		return PDB_EUNAVAILABLE;
	}
	return status;
}

/* A new key by a call to the provider, for want of a prepared one. */
static pdb_status create_key(encryption *self, pdb_slice thread, pdb_kms_key *key, pdb_err *err)
{
	uint8_t dek[PDB_KMS_DEK_SIZE] = {0};
	pdb_status status;

	if (keycache_is_lost(self->cache)) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, "kms_unavailable",
				   "the key service is not reachable");
	}
	key->size = sizeof(*key);
	key->dek = dek;
	status = self->ops->create(self->kms, thread, key, err);
	crypt_wipe_stack();
	if (status == PDB_EUNAVAILABLE) {
		keycache_lost(self->cache);
	}
	if (status == PDB_OK && !keycache_good(key)) {
		status = pdb_err_set(err, PDB_EUNAVAILABLE, "kms_unavailable",
				     "the key service gave no key");
	}
	if (status == PDB_OK) {
		keycache_put(self->cache, key);
		keeper_remember(self->keeper, thread, key);
	}
	key->dek = NULL;
	crypt_wipe(dek, sizeof(dek));
	return status;
}

/* The key that a thread without a note will have. */
static pdb_status first_key(encryption *self, pdb_record *record, note *n, pdb_err *err)
{
	pdb_slice thread = self->host->record_thread(record);
	pdb_kms_key key = {0};
	pdb_status status = PDB_OK;

	if (!keeper_take(self->keeper, thread, &key)) {
		if (!may_block(self, record)) {
			return PDB_EOFFLOAD;
		}
		status = create_key(self, thread, &key, err);
	}
	if (status == PDB_OK) {
		memcpy(n->id, key.id, sizeof(n->id));
		n->version = key.dek_version;
	}
	return status;
}

/* What the provider gave must be the key that the thread has. */
static pdb_status judge_key(const encryption *self, const pdb_record *record, const note *n,
			    const keycache_hold *hold, pdb_err *err)
{
	pdb_slice thread = self->host->record_thread(record);

	if (hold->thread[0] != '\0' && !pdb_slice_is(thread, hold->thread)) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, "kms_unavailable",
				   "the key %s is of another thread", n->id);
	}
	if (!crypt_same(n->check, hold->check, sizeof(n->check))) {
		return pdb_err_set(err, PDB_EUNAVAILABLE, "kms_unavailable",
				   "the key %s is not what it was", n->id);
	}
	return PDB_OK;
}

static pdb_status set_note(const encryption *self, pdb_record *record, note *n,
			   const keycache_hold *hold)
{
	uint8_t bytes[NOTE_SIZE_MAX];

	memcpy(n->check, hold->check, sizeof(n->check));
	return self->host->record_set_thread_note(record,
						  pdb_slice_of(bytes, note_encode(n, bytes)));
}

/* Which key new records of the thread have, in `n`; *fresh_out when its note is to be set. */
static pdb_status choose_key(encryption *self, pdb_record *record, note *n, bool *fresh_out,
			     pdb_err *err)
{
	pdb_slice bytes;
	uint32_t version;
	pdb_status status = self->host->record_thread_note(record, &bytes, err);

	if (status != PDB_OK) {
		return status;
	}
	*fresh_out = bytes.len == 0;
	if (bytes.len == 0) {
		return first_key(self, record, n, err);
	}
	if (!note_decode(bytes, n)) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "the note of the thread is damaged");
	}
	version = rotations_get(&self->rotations, self->host->record_thread(record));
	if (version > n->version) {
		n->version = version;
		*fresh_out = true;
	}
	return PDB_OK;
}

/* Holds the key for new records of the thread; its id and version are in `n`. */
static pdb_status thread_key(encryption *self, pdb_record *record, note *n, keycache_hold *hold,
			     pdb_err *err)
{
	bool fresh = false;
	pdb_status status = choose_key(self, record, n, &fresh, err);

	if (status == PDB_OK) {
		status = keycache_take(self->cache, n->id, n->version, may_block(self, record),
				       hold, err);
	}
	if (status != PDB_OK) {
		return status;
	}
	status = fresh ? set_note(self, record, n, hold) : judge_key(self, record, n, hold, err);
	if (status != PDB_OK) {
		keycache_give(self->cache, hold);
		keycache_doubt(self->cache, n->id, n->version);
	} else if (hold->prepared) {
		keeper_claim(self->keeper, n->id, self->host->record_thread(record));
	}
	return status;
}

/* -- in ---------------------------------------------------------------------------------------- */

static pdb_status write_sealed(const encryption *self, pdb_record *record, const crypt_job *job,
			       const keycache_hold *hold)
{
	size_t frame_len = crypt_frame_size(job);
	size_t body_len = crypt_body_size(job);
	uint8_t *frame_bytes = self->host->record_make_attachment(record, frame_len);
	uint8_t *body = self->host->record_make_body(record, body_len);

	if (frame_bytes == NULL || body == NULL) {
		return PDB_ENOMEM;
	}
	crypt_seal(job, hold->keys, frame_bytes, body);
	/* its author sees it at once, and others soon */
	bodycache_put(self->bodies, &job->place, frame_bytes + FRAME_MARK_AT, hold->ticket,
		      job->body);
	return PDB_OK;
}

static pdb_status seal(encryption *self, pdb_record *record, const cover *c, pdb_err *err)
{
	crypt_job job = {.place = place_of(self, record),
			 .body = self->host->record_body(record),
			 .spans = c->spans,
			 .count = c->count};
	keycache_hold hold = {0};
	note n = {0};
	pdb_status status = thread_key(self, record, &n, &hold, err);

	if (status == PDB_EOFFLOAD) {
		return status;
	}
	if (status != PDB_OK) {
		count(&self->counts.refused);
		return no_key(status, err);
	}
	job.key_id = pdb_slice_text(n.id);
	job.dek_version = n.version;
	status = write_sealed(self, record, &job, &hold);
	keycache_give(self->cache, &hold);
	if (status == PDB_OK) {
		count_one(self, self->sealed);
	}
	return status;
}

static pdb_status seal_in(void *state, pdb_record *record, pdb_err *err)
{
	encryption *self = state;
	cover c;
	pdb_status status;

	c.count = 0;
	c.text = NULL;
	c.text_len = 0;
	c.text_cap = 0;
	status = cover_find(self, self->host->record_body(record), &c);
	if (status == PDB_OK && c.count > 0) {
		status = seal(self, record, &c, err);
	}
	self->host->free(c.text);
	return status;
}

/* -- out --------------------------------------------------------------------------------------- */

static pdb_status unreadable(encryption *self, const char *code, pdb_err *err)
{
	count(&self->counts.unreadable);
	return pdb_err_set(err, PDB_ECORRUPT, code,
			   strcmp(code, "enc_suite_unknown") == 0
				   ? "it is sealed by a suite that this version does not know"
				   : "it is not as it was sealed");
}

/* A record that carries a frame. */
typedef struct sealed {
	crypt_place place;
	frame frame;
	pdb_slice stored; /* the body with its placeholders */
} sealed;

/* Reads the frame; the code of why it cannot be opened whatever the key, or NULL. */
static const char *read_frame(const encryption *self, const pdb_record *record, frame *out)
{
	if (!frame_decode(self->host->record_attachment(record), out) ||
	    out->key_id.len >= PDB_KMS_ID_SIZE) {
		return "enc_not_authentic";
	}
	return out->suite == FRAME_SUITE_XCHACHA ? NULL : "enc_suite_unknown";
}

static pdb_status open_with(encryption *self, pdb_record *record, const sealed *s,
			    const keycache_hold *hold, pdb_err *err)
{
	size_t size = crypt_open_size(&s->frame, s->stored);
	uint8_t *body = size > 0 ? self->host->record_make_body(record, size) : NULL;

	if (size > 0 && body == NULL) {
		return PDB_ENOMEM;
	}
	if (size == 0 || !crypt_open(&s->place, &s->frame, s->stored, hold->keys, body)) {
		return unreadable(self, "enc_not_authentic", err);
	}
	bodycache_put(self->bodies, &s->place, s->frame.mark, hold->ticket,
		      pdb_slice_of(body, size));
	return PDB_OK;
}

static pdb_status open_by_key(encryption *self, pdb_record *record, const sealed *s, pdb_err *err)
{
	const frame *f = &s->frame;
	char id[PDB_KMS_ID_SIZE];
	keycache_hold hold;
	pdb_status status;

	memcpy(id, f->key_id.ptr, f->key_id.len);
	id[f->key_id.len] = '\0';
	status =
		keycache_take(self->cache, id, f->dek_version, may_block(self, record), &hold, err);
	if (status != PDB_OK) {
		if (status != PDB_EOFFLOAD && status != PDB_EUNAVAILABLE) {
			count(&self->counts.unreadable);
		}
		return status;
	}
	status = open_with(self, record, s, &hold, err);
	if (status == PDB_OK && hold.prepared) {
		keeper_claim(self->keeper, id, s->place.thread);
	}
	keycache_give(self->cache, &hold);
	if (status == PDB_ECORRUPT) {
		keycache_doubt(self->cache, id, f->dek_version);
	}
	return status;
}

/* What was opened before under the mark, as long as its key may be used. Only who had the key made
 * this mark for this place, so that nothing else of the frame matters. */
static bool open_kept(encryption *self, pdb_record *record, const crypt_place *place)
{
	pdb_slice bytes = self->host->record_attachment(record);
	bodycache_entry entry;
	uint8_t *body;

	if (bytes.len < FRAME_HEAD_SIZE ||
	    !bodycache_find(self->bodies, place, bytes.ptr + FRAME_MARK_AT, &entry) ||
	    !keycache_valid(self->cache, entry.key)) {
		return false;
	}
	body = self->host->record_make_body(record, entry.body_len);
	return body != NULL && bodycache_read(self->bodies, &entry, body);
}

static pdb_status open_sealed(encryption *self, pdb_record *record, sealed *s, pdb_err *err)
{
	const char *code;

	if (self->host->record_attachment(record).len == FRAME_HEAD_SIZE) {
		return PDB_ENOTFOUND; /* it was in memory, and is not any more */
	}
	code = read_frame(self, record, &s->frame);
	return code != NULL ? unreadable(self, code, err) : open_by_key(self, record, s, err);
}

static pdb_status open_out(void *state, pdb_record *record, pdb_err *err)
{
	encryption *self = state;
	sealed s = {.place = place_of(self, record), .stored = self->host->record_body(record)};
	pdb_status status =
		open_kept(self, record, &s.place) ? PDB_OK : open_sealed(self, record, &s, err);

	if (status == PDB_OK) {
		count_one(self, self->opened);
	}
	return status;
}

/* The mark is in the head: it is all that a kept body needs. */
static bool ahead(void *state, pdb_slice head, pdb_slice next)
{
	const encryption *self = state;

	if (next.len > 0) {
		bodycache_fetch(self->bodies, next.ptr + FRAME_MARK_AT);
	}
	return head.len == 0 || bodycache_ahead(self->bodies, head.ptr + FRAME_MARK_AT);
}

/* With the thread goes its key. */
static pdb_status purge(void *state, pdb_slice thread, pdb_slice bytes, pdb_err *err)
{
	encryption *self = state;
	note n;
	pdb_status status;

	if (!note_decode(bytes, &n)) {
		return pdb_err_set(err, PDB_ECORRUPT, NULL, "the note of thread %.*s is damaged",
				   PDB_SLICE_ARGS(thread));
	}
	status = encryption_destroy(self, n.id, NULL, err);
	return status == PDB_ENOTFOUND ? PDB_OK : status;
}

const pdb_record_hook encryption_hook = {.size = sizeof(pdb_record_hook),
					 .order = 900,
					 .name = "encryption",
					 .tag = TAG,
					 .in = seal_in,
					 .out = open_out,
					 .purge = purge,
					 .show = encryption_show,
					 .head = FRAME_HEAD_SIZE,
					 .ahead = ahead};
