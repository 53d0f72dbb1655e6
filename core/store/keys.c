/* SPDX-License-Identifier: Apache-2.0 */
/* Writes and reads the keys of the database's rows. */
#include "store/keys.h"

#include "base/id.h"
#include "base/text.h"

#define NS_DIGITS      20u
#define SEQ_DIGITS     10u
#define VERSION_DIGITS 10u

/* The longest key, "author:<a>:<activity>:<t>", fits whatever valid ids it is made of. */
_Static_assert(sizeof("author:::") + 3u * PDB_AUTHOR_MAX + NS_DIGITS + PDB_ID_MAX <= PDB_KEY_MAX,
	       "a key of valid ids is never too long");
_Static_assert(NS_DIGITS + 1u + SEQ_DIGITS == PDB_POSITION_LEN, "a position has one length");

static void write_digits(char *out, size_t width, uint64_t number)
{
	for (size_t i = width; i > 0; i--) {
		out[i - 1] = (char)('0' + number % 10u);
		number /= 10u;
	}
}

static void begin(pdb_keybuf *out)
{
	out->key.partition = pdb_slice_of(out->text, 0);
	out->key.bytes = pdb_slice_of(out->text, 0);
}

/* Cuts what does not fit: a caller that breaks the rule on valid ids must not write past the end.
 */
static void add(pdb_keybuf *out, pdb_slice bytes)
{
	size_t room = sizeof(out->text) - out->key.bytes.len;
	size_t len = bytes.len < room ? bytes.len : room;

	if (len > 0) {
		memcpy(out->text + out->key.bytes.len, bytes.ptr, len);
		out->key.bytes.len += len;
	}
}

static void add_digits(pdb_keybuf *out, size_t width, uint64_t number)
{
	char digits[NS_DIGITS];

	write_digits(digits, width, number);
	add(out, pdb_slice_of(digits, width));
}

/* Adds bytes that are also the partition. */
static void add_partition(pdb_keybuf *out, pdb_slice bytes)
{
	size_t at = out->key.bytes.len;

	add(out, bytes);
	out->key.partition = pdb_slice_of(out->text + at, out->key.bytes.len - at);
}

/* Adds an author, percent-encoded. */
static void add_author(pdb_keybuf *out, pdb_slice author)
{
	/* A buffer on the stack: it has room for any author, so it never takes memory. */
	uint8_t text[3u * PDB_AUTHOR_MAX];
	pdb_buf encoded = {.data = text, .cap = sizeof(text)};

	author.len = author.len < PDB_AUTHOR_MAX ? author.len : PDB_AUTHOR_MAX;
	pdb_percent_encode(&encoded, author);
	add(out, pdb_buf_slice(&encoded));
}

/* "<name><a>:", the author being the partition. */
static void author_prefix(pdb_keybuf *out, pdb_slice name, pdb_slice author)
{
	begin(out);
	add(out, name);
	add_author(out, author);
	out->key.partition = pdb_slice_skip(out->key.bytes, name.len);
	add(out, PDB_SLICE(":"));
}

static void thread_key(pdb_keybuf *out, pdb_slice thread, pdb_slice tail)
{
	begin(out);
	add(out, PDB_SLICE("thread:"));
	add_partition(out, thread);
	add(out, tail);
}

void pdb_key_thread_meta(pdb_keybuf *out, pdb_slice thread)
{
	thread_key(out, thread, PDB_SLICE(":meta"));
}

void pdb_key_thread_head(pdb_keybuf *out, pdb_slice thread)
{
	thread_key(out, thread, PDB_SLICE(":head"));
}

void pdb_key_timeline_prefix(pdb_keybuf *out, pdb_slice thread)
{
	thread_key(out, thread, PDB_SLICE(":msg:"));
}

void pdb_key_timeline(pdb_keybuf *out, pdb_slice thread, uint64_t ns, uint64_t seq)
{
	char position[PDB_POSITION_LEN];

	pdb_position_write(position, ns, seq);
	pdb_key_timeline_at(out, thread, pdb_slice_of(position, sizeof(position)));
}

void pdb_key_timeline_at(pdb_keybuf *out, pdb_slice thread, pdb_slice position)
{
	pdb_key_timeline_prefix(out, thread);
	add(out, position);
}

void pdb_key_message(pdb_keybuf *out, pdb_slice thread, pdb_slice message)
{
	begin(out);
	add(out, PDB_SLICE("msg:"));
	add_partition(out, thread);
	add(out, PDB_SLICE(":"));
	add(out, message);
}

void pdb_key_version_prefix(pdb_keybuf *out, pdb_slice thread, pdb_slice message)
{
	begin(out);
	add(out, PDB_SLICE("version:msg:"));
	add_partition(out, thread);
	add(out, PDB_SLICE(":"));
	add(out, message);
	add(out, PDB_SLICE(":"));
}

void pdb_key_version(pdb_keybuf *out, pdb_slice thread, pdb_slice message, uint32_t version)
{
	pdb_key_version_prefix(out, thread, message);
	add_digits(out, VERSION_DIGITS, version);
}

void pdb_key_author_prefix(pdb_keybuf *out, pdb_slice author)
{
	author_prefix(out, PDB_SLICE("author:"), author);
}

static void add_list_entry(pdb_keybuf *out, uint64_t activity, pdb_slice thread)
{
	add_digits(out, NS_DIGITS, UINT64_MAX - activity);
	add(out, PDB_SLICE(":"));
	add(out, thread);
}

void pdb_key_author(pdb_keybuf *out, pdb_slice author, uint64_t activity, pdb_slice thread)
{
	pdb_key_author_prefix(out, author);
	add_list_entry(out, activity, thread);
}

void pdb_key_trace_prefix(pdb_keybuf *out, pdb_slice author)
{
	author_prefix(out, PDB_SLICE("trace:"), author);
}

void pdb_key_trace(pdb_keybuf *out, pdb_slice author, pdb_slice thread)
{
	pdb_key_trace_prefix(out, author);
	add(out, thread);
}

void pdb_key_guest_prefix(pdb_keybuf *out, pdb_slice thread)
{
	begin(out);
	add(out, PDB_SLICE("guest:"));
	add_partition(out, thread);
	add(out, PDB_SLICE(":"));
}

void pdb_key_guest(pdb_keybuf *out, pdb_slice thread, pdb_slice author)
{
	pdb_key_guest_prefix(out, thread);
	add_author(out, author);
}

/* Cuts "<name><first>:<second>"; neither part can hold a colon. */
static bool cut_pair(pdb_slice key, pdb_slice name, pdb_slice *first, pdb_slice *second)
{
	pdb_slice rest = pdb_slice_skip(key, name.len);
	const uint8_t *colon = NULL;

	if (!pdb_slice_starts(key, name) || rest.len == 0) {
		return false;
	}
	colon = memchr(rest.ptr, ':', rest.len);
	if (colon == NULL) {
		return false;
	}
	*first = pdb_slice_of(rest.ptr, (size_t)(colon - rest.ptr));
	*second = pdb_slice_skip(rest, first->len + 1u);
	return first->len > 0 && second->len > 0;
}

bool pdb_key_trace_twin(pdb_keybuf *out, pdb_slice key)
{
	bool trace = pdb_slice_starts(key, PDB_SLICE("trace:"));
	pdb_slice first;
	pdb_slice second;

	if (!cut_pair(key, trace ? PDB_SLICE("trace:") : PDB_SLICE("guest:"), &first, &second)) {
		return false;
	}
	begin(out);
	add(out, trace ? PDB_SLICE("guest:") : PDB_SLICE("trace:"));
	add_partition(out, second);
	add(out, PDB_SLICE(":"));
	add(out, first);
	return true;
}

bool pdb_key_trace_entry(pdb_slice key, pdb_slice *thread)
{
	pdb_slice author;

	return cut_pair(key, PDB_SLICE("trace:"), &author, thread) && pdb_id_valid(*thread);
}

/* A prefix that is its partition and a colon. */
static void list_prefix(pdb_keybuf *out, pdb_slice name)
{
	begin(out);
	add_partition(out, name);
	add(out, PDB_SLICE(":"));
}

void pdb_key_all_prefix(pdb_keybuf *out)
{
	list_prefix(out, PDB_SLICE("all"));
}

void pdb_key_all(pdb_keybuf *out, uint64_t activity, pdb_slice thread)
{
	pdb_key_all_prefix(out);
	add_list_entry(out, activity, thread);
}

void pdb_key_lag_prefix(pdb_keybuf *out)
{
	list_prefix(out, PDB_SLICE("lag"));
}

void pdb_key_lag(pdb_keybuf *out, pdb_slice thread)
{
	pdb_key_lag_prefix(out);
	add(out, thread);
}

void pdb_key_deleted_prefix(pdb_keybuf *out)
{
	list_prefix(out, PDB_SLICE("deleted"));
}

void pdb_key_deleted(pdb_keybuf *out, uint64_t ns, pdb_slice thread, pdb_slice message)
{
	pdb_key_deleted_prefix(out);
	add_digits(out, NS_DIGITS, ns);
	add(out, PDB_SLICE(":"));
	add(out, thread);
	if (message.len > 0) {
		add(out, PDB_SLICE(":"));
		add(out, message);
	}
}

void pdb_key_meta(pdb_keybuf *out, const char *name)
{
	list_prefix(out, PDB_SLICE("meta"));
	add(out, pdb_slice_text(name));
}

void pdb_key_plugin(pdb_keybuf *out, const char *plugin, pdb_slice key)
{
	list_prefix(out, PDB_SLICE("meta"));
	add(out, PDB_SLICE("plugin:"));
	add(out, pdb_slice_text(plugin));
	add(out, PDB_SLICE(":"));
	add(out, key);
}

void pdb_key_prefix_end(pdb_keybuf *out, const pdb_keybuf *prefix)
{
	pdb_slice partition = prefix->key.partition;
	size_t at = (size_t)(partition.ptr - (const uint8_t *)prefix->text);
	size_t len = prefix->key.bytes.len;

	memmove(out->text, prefix->text, len);
	while (len > 0 && (uint8_t)out->text[len - 1] == 0xffu) {
		len--;
	}
	if (len > 0) {
		out->text[len - 1] = (char)(out->text[len - 1] + 1);
	}
	out->key.partition = pdb_slice_of(out->text + at, partition.len);
	out->key.bytes = pdb_slice_of(out->text, len);
}

void pdb_position_write(char out[PDB_POSITION_LEN], uint64_t ns, uint64_t seq)
{
	write_digits(out, NS_DIGITS, ns);
	out[NS_DIGITS] = '-';
	write_digits(out + NS_DIGITS + 1u, SEQ_DIGITS, seq);
}

bool pdb_position_read(pdb_slice position, uint64_t *ns, uint64_t *seq)
{
	return position.len == PDB_POSITION_LEN && position.ptr[NS_DIGITS] == '-' &&
	       pdb_text_to_uint(pdb_slice_of(position.ptr, NS_DIGITS), ns) &&
	       pdb_text_to_uint(pdb_slice_skip(position, NS_DIGITS + 1u), seq);
}

bool pdb_key_timeline_position(pdb_slice key, uint64_t *ns, uint64_t *seq)
{
	pdb_slice infix = PDB_SLICE(":msg:");
	size_t behind = infix.len + PDB_POSITION_LEN;

	if (!pdb_slice_starts(key, PDB_SLICE("thread:")) || key.len < behind) {
		return false;
	}
	key = pdb_slice_skip(key, key.len - behind);
	return pdb_slice_starts(key, infix) &&
	       pdb_position_read(pdb_slice_skip(key, infix.len), ns, seq);
}

/* The bytes behind "author:<a>:" or "all:"; empty when the key is of neither list. */
static pdb_slice behind_list_prefix(pdb_slice key)
{
	const uint8_t *colon = NULL;

	if (pdb_slice_starts(key, PDB_SLICE("all:"))) {
		return pdb_slice_skip(key, 4);
	}
	if (!pdb_slice_starts(key, PDB_SLICE("author:"))) {
		return pdb_slice_of(NULL, 0);
	}
	key = pdb_slice_skip(key, 7);
	colon = key.len > 0 ? memchr(key.ptr, ':', key.len) : NULL;
	return colon != NULL ? pdb_slice_skip(key, (size_t)(colon - key.ptr) + 1u)
			     : pdb_slice_of(NULL, 0);
}

bool pdb_key_deleted_entry(pdb_slice key, uint64_t *ns, pdb_slice *thread, pdb_slice *message)
{
	pdb_slice entry = pdb_slice_skip(key, strlen("deleted:"));
	const uint8_t *colon;

	if (!pdb_slice_starts(key, PDB_SLICE("deleted:")) || entry.len <= NS_DIGITS ||
	    entry.ptr[NS_DIGITS] != ':' ||
	    !pdb_text_to_uint(pdb_slice_of(entry.ptr, NS_DIGITS), ns)) {
		return false;
	}
	*thread = pdb_slice_skip(entry, NS_DIGITS + 1u);
	*message = pdb_slice_of(NULL, 0);
	colon = thread->len > 0 ? memchr(thread->ptr, ':', thread->len) : NULL;
	if (colon != NULL) {
		*message = pdb_slice_skip(*thread, (size_t)(colon - thread->ptr) + 1);
		thread->len = (size_t)(colon - thread->ptr);
	}
	return pdb_id_valid(*thread) && (colon == NULL || pdb_id_valid(*message));
}

bool pdb_key_list_entry(pdb_slice key, uint64_t *activity, pdb_slice *thread)
{
	pdb_slice entry = behind_list_prefix(key);
	uint64_t falling = 0;

	if (entry.len <= NS_DIGITS || entry.ptr[NS_DIGITS] != ':' ||
	    !pdb_text_to_uint(pdb_slice_of(entry.ptr, NS_DIGITS), &falling)) {
		return false;
	}
	*activity = UINT64_MAX - falling;
	*thread = pdb_slice_skip(entry, NS_DIGITS + 1u);
	return pdb_id_valid(*thread);
}
