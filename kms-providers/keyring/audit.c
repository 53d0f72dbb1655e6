/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: a line before every act and one after it, chained and signed. */
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "audit_private.h"
#include "files.h"

#define RESERVE_STEP ((uint64_t)256 * 1024)
/* What is kept free behind a begin line, for the ends of all that has begun. */
#define RESERVE_ENDS ((uint64_t)64 * 1024)
#define DUE_AFTER    (INT64_C(10) * 1000 * 1000 * 1000)

/* -- lines ------------------------------------------------------------------------------------ */

typedef struct line_text {
	char text[PDB__AUDIT_LINE_MAX + 1];
	size_t len;
} line_text;

PDB_PRINTF(2, 3)
static void add(line_text *line, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(line->text + line->len, sizeof(line->text) - line->len, format, args);
	va_end(args);
	if (len > 0) {
		line->len += (size_t)len;
		line->len = line->len < PDB__AUDIT_LINE_MAX ? line->len : PDB__AUDIT_LINE_MAX;
	}
}

/* A member with a text that others may have chosen: printable ASCII, nothing to escape, and short.
 */
static void add_text(line_text *line, const char *name, const char *text)
{
	char clean[161];
	size_t len = 0;

	if (text == NULL || text[0] == '\0') {
		return;
	}
	for (; text[len] != '\0' && len < sizeof(clean) - 1; len++) {
		bool plain = text[len] >= ' ' && text[len] < 0x7f && text[len] != '"' &&
			     text[len] != '\\';

		clean[len] = '?';
		if (plain) {
			clean[len] = text[len];
		}
	}
	clean[len] = '\0';
	add(line, ",\"%s\":\"%s\"", name, clean);
}

static void add_time(line_text *line, int64_t now)
{
	time_t seconds = (time_t)(now / 1000000000);
	char text[32];
	struct tm parts;

	if (gmtime_r(&seconds, &parts) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts) == 0) {
		text[0] = '\0';
	}
	add(line, ",\"ts\":\"%s.%09lldZ\"", text, (long long)(now % 1000000000));
}

static void add_hex(line_text *line, const char *name, const uint8_t *bytes, size_t len)
{
	char hex[2 * PDB__AUDIT_SIG + 1];

	(void)sodium_bin2hex(hex, sizeof(hex), bytes, len);
	add(line, ",\"%s\":\"%s\"", name, hex);
}

static void begin_line(const pdb__audit *audit, line_text *line, const char *phase)
{
	line->len = 0;
	add(line, "{\"seq\":%llu", (unsigned long long)audit->seq + 1);
	add_time(line, audit->host->now());
	add_text(line, "phase", phase);
}

static void add_event(line_text *line, const pdb__audit_event *event)
{
	add_text(line, "who", event->who);
	add_text(line, "op", event->op);
	add_text(line, "key", event->key);
	if (event->version > 0) {
		add(line, ",\"version\":%u", event->version);
	}
	if (event->kek > 0) {
		add(line, ",\"kek\":%u", event->kek);
	}
	if (event->count > 0) {
		add(line, ",\"count\":%llu", (unsigned long long)event->count);
	}
}

/* -- writing, with the lock held ----------------------------------------------------------------
 */

/* Makes sure that `len` bytes and the reserve fit. 0 or an errno value. */
static int make_room(pdb__audit *audit, size_t len)
{
	uint64_t wanted = audit->size + len + RESERVE_ENDS;
	struct rlimit limit;

	if (wanted <= audit->reserved) {
		return 0;
	}
	/* above the limit a write would raise SIGXFSZ */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
	    wanted + RESERVE_STEP > limit.rlim_cur) {
		return EFBIG;
	}
	if (fallocate(audit->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)(wanted + RESERVE_STEP)) != 0 &&
	    errno != EOPNOTSUPP) {
		return errno;
	}
	audit->reserved = wanted + RESERVE_STEP;
	return 0;
}

void pdb__audit_mac(const pdb__audit *audit, const uint8_t prev[PDB__AUDIT_HASH], pdb_slice text,
		    uint8_t out[PDB__AUDIT_MAC])
{
	crypto_generichash_state state;

	(void)crypto_generichash_init(&state, audit->mac_key, 32, PDB__AUDIT_MAC);
	(void)crypto_generichash_update(&state, prev, PDB__AUDIT_HASH);
	(void)crypto_generichash_update(&state, text.ptr, text.len);
	(void)crypto_generichash_final(&state, out, PDB__AUDIT_MAC);
	sodium_memzero(&state, sizeof(state));
}

/* Seals the line and writes it. 0 or an errno value; the log is as before then. */
static int put_line(pdb__audit *audit, line_text *line, bool checkpoint)
{
	uint8_t hash[PDB__AUDIT_HASH];
	uint8_t message[64];
	uint8_t sig[PDB__AUDIT_SIG];
	uint8_t mac[PDB__AUDIT_MAC];
	int error;

	pdb__audit_mac(audit, audit->hash, pdb_slice_of(line->text, line->len), mac);
	add_hex(line, "mac", mac, sizeof(mac));
	add_hex(line, "prev", audit->hash, sizeof(audit->hash));
	pdb__audit_hash(pdb_slice_of(line->text, line->len), hash);
	add_hex(line, "hash", hash, sizeof(hash));
	if (checkpoint) {
		(void)crypto_sign_detached(sig, NULL, message, pdb__audit_signed(hash, message),
					   audit->sign_key);
		add_hex(line, "sig", sig, sizeof(sig));
	}
	add(line, "}\n");
	error = audit->broken
			? EIO
			: pdb__files_put(audit->fd, line->text, line->len, (int64_t)audit->size);
	if (error != 0) {
		audit->broken = audit->broken || ftruncate(audit->fd, (off_t)audit->size) != 0;
		return error;
	}
	audit->seq++;
	audit->size += line->len;
	memcpy(audit->hash, hash, sizeof(hash));
	audit->unsigned_lines = checkpoint ? 0 : audit->unsigned_lines + 1;
	return 0;
}

int pdb__audit_checkpoint(pdb__audit *audit)
{
	line_text line;
	int error;

	begin_line(audit, &line, "checkpoint");
	add(&line, ",\"store\":\"%llu:%llu\"", (unsigned long long)audit->store_generation,
	    (unsigned long long)audit->store_size);
	error = put_line(audit, &line, true);
	audit->checked = error == 0 ? audit->host->monotonic() : audit->checked;
	return error;
}

int pdb__audit_mark(pdb__audit *audit, const char *phase)
{
	line_text line;
	int error = make_room(audit, PDB__AUDIT_LINE_MAX);

	begin_line(audit, &line, phase);
	return error == 0 ? put_line(audit, &line, false) : error;
}

static pdb_status refuse(int error, pdb_err *err)
{
	return pdb_err_set(err, PDB_EUNAVAILABLE, NULL,
			   "the audit log of keys cannot be written (%s): no key is touched",
			   strerror(error));
}

pdb_status pdb__audit_begin(pdb__audit *audit, pdb__audit_event *event, pdb_err *err)
{
	line_text line;
	int error;

	(void)pthread_mutex_lock(&audit->lock);
	error = make_room(audit, PDB__AUDIT_LINE_MAX);
	if (error == 0) {
		begin_line(audit, &line, "begin");
		add_event(&line, event);
		error = put_line(audit, &line, false);
	}
	event->seq = audit->seq;
	(void)pthread_mutex_unlock(&audit->lock);
	return error == 0 ? PDB_OK : refuse(error, err);
}

bool pdb__audit_takes(pdb__audit *audit)
{
	bool good;

	(void)pthread_mutex_lock(&audit->lock);
	good = !audit->broken && make_room(audit, PDB__AUDIT_LINE_MAX) == 0;
	(void)pthread_mutex_unlock(&audit->lock);
	return good;
}

static const char *name_of(pdb_status status)
{
	static const struct {
		pdb_status status;
		const char *name;
	} names[] = {
#define NAME(name, value, http, code, text) {PDB_##name, #name},
		PDB_STATUS_MAP(NAME)
#undef NAME
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (names[i].status == status) {
			return names[i].name;
		}
	}
	return "unknown";
}

pdb_status pdb__audit_end(pdb__audit *audit, const pdb__audit_event *event, pdb_status result,
			  pdb_err *err)
{
	line_text line;
	int error;

	(void)pthread_mutex_lock(&audit->lock);
	begin_line(audit, &line, "end");
	add(&line, ",\"of\":%llu", (unsigned long long)event->seq);
	add_event(&line, event);
	add_text(&line, "result", name_of(result));
	error = put_line(audit, &line, false);
	if (error == 0 && audit->unsigned_lines >= PDB__AUDIT_EVERY) {
		error = pdb__audit_checkpoint(audit);
	}
	(void)pthread_mutex_unlock(&audit->lock);
	return error == 0 || result != PDB_OK ? result : refuse(error, err);
}

/* -- making durable --------------------------------------------------------------------------- */

static int head_put(const pdb__audit *audit, const pdb__audit_head *head)
{
	char text[PDB__AUDIT_HEAD_MAX];
	uint8_t sig[PDB__AUDIT_SIG];
	char hex[2 * PDB__AUDIT_SIG + 1];
	size_t len = pdb__audit_head_write(head, text);

	(void)crypto_sign_detached(sig, NULL, (const uint8_t *)text, len, audit->sign_key);
	(void)sodium_bin2hex(hex, sizeof(hex), sig, sizeof(sig));
	len += (size_t)snprintf(text + len, sizeof(text) - len, ",\"sig\":\"%s\"}\n", hex);
	return pdb__files_put(audit->head_fd, text, len, 0);
}

static pdb__audit_head head_now(pdb__audit *audit)
{
	pdb__audit_head head = {
		audit->seq, audit->size, audit->store_generation, audit->store_size, {0}};

	memcpy(head.hash, audit->hash, sizeof(head.hash));
	return head;
}

/* With the sync lock held. */
int pdb__audit_settle(pdb__audit *audit)
{
	pdb__audit_head head;
	int error;

	(void)pthread_mutex_lock(&audit->lock);
	head = head_now(audit);
	error = audit->broken ? EIO : 0;
	(void)pthread_mutex_unlock(&audit->lock);
	if (error == 0 && (fdatasync(audit->fd) != 0 || head_put(audit, &head) != 0)) {
		error = EIO;
	}
	(void)pthread_mutex_lock(&audit->lock);
	if (error == 0) {
		audit->synced_seq = head.seq;
	}
	audit->broken = audit->broken || error != 0;
	(void)pthread_mutex_unlock(&audit->lock);
	return error;
}

pdb_status pdb__audit_sync(pdb__audit *audit, pdb_err *err)
{
	uint64_t wanted;
	uint64_t done;
	int error = 0;

	(void)pthread_mutex_lock(&audit->lock);
	wanted = audit->seq;
	(void)pthread_mutex_unlock(&audit->lock);
	/* whoever waited here finds that the one before has synced for it */
	(void)pthread_mutex_lock(&audit->sync_lock);
	done = pdb__audit_durable(audit);
	if (done < wanted) {
		error = pdb__audit_settle(audit);
	}
	(void)pthread_mutex_unlock(&audit->sync_lock);
	return error == 0 ? PDB_OK : refuse(error, err);
}

uint64_t pdb__audit_durable(pdb__audit *audit)
{
	uint64_t seq;

	(void)pthread_mutex_lock(&audit->lock);
	seq = audit->synced_seq;
	(void)pthread_mutex_unlock(&audit->lock);
	return seq;
}

void pdb__audit_note_store(pdb__audit *audit, uint64_t generation, uint64_t size)
{
	(void)pthread_mutex_lock(&audit->lock);
	audit->store_generation = generation;
	audit->store_size = size;
	(void)pthread_mutex_unlock(&audit->lock);
}

void pdb__audit_tick(pdb__audit *audit)
{
	int64_t now = audit->host->monotonic();
	bool dirty;
	bool full;

	(void)pthread_mutex_lock(&audit->sync_lock);
	(void)pthread_mutex_lock(&audit->lock);
	full = audit->size >= audit->file_max;
	if (audit->unsigned_lines > 0 && (full || now - audit->checked >= DUE_AFTER) &&
	    make_room(audit, PDB__AUDIT_LINE_MAX) == 0) {
		(void)pdb__audit_checkpoint(audit);
	}
	dirty = audit->seq > audit->synced_seq;
	(void)pthread_mutex_unlock(&audit->lock);
	if (dirty) {
		(void)pdb__audit_settle(audit);
	}
	if (full) {
		pdb__audit_next_file(audit);
	}
	(void)pthread_mutex_unlock(&audit->sync_lock);
}
