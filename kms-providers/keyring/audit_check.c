/* SPDX-License-Identifier: Apache-2.0 */
/* The judge of audit logs: needs the public key only. Pure. */
#include "audit_check.h"

#include <sodium.h>
#include <stdio.h>

#define PREFIX     "{\"seq\":"
#define LINE_LABEL "pdb/audit1"
#define SIGN_LABEL "pdb/audit-sig1"
#define HEAD_LABEL "pdb/audit-head1"
#define HASH_HEX   (2 * PDB__AUDIT_HASH)
#define SIG_HEX    (2 * PDB__AUDIT_SIG)
#define MAC_PART   (sizeof(",\"mac\":\"\"") - 1 + 2 * PDB__AUDIT_MAC)
#define NUMBER_MAX 20u
#define HASH_PART  (sizeof(",\"hash\":\"\"") - 1 + HASH_HEX)
#define PREV_PART  (sizeof(",\"prev\":\"\"") - 1 + HASH_HEX)
#define SIG_PART   (sizeof(",\"sig\":\"\"") - 1 + SIG_HEX)

/* Reads from the front of a text; remembers a failure. */
typedef struct reader {
	pdb_slice left;
	bool failed;
} reader;

static void expect(reader *from, const char *text)
{
	pdb_slice wanted = pdb_slice_text(text);

	if (!pdb_slice_starts(from->left, wanted)) {
		from->failed = true;
		return;
	}
	from->left = pdb_slice_skip(from->left, wanted.len);
}

/* Decimal digits; leading zeros are as they were written. */
static uint64_t number(reader *from)
{
	uint64_t value = 0;
	size_t len = 0;

	while (len < from->left.len && from->left.ptr[len] >= '0' && from->left.ptr[len] <= '9') {
		if (++len > NUMBER_MAX) {
			from->failed = true;
			return 0;
		}
		value = value * 10 + (uint64_t)(from->left.ptr[len - 1] - '0');
	}
	from->failed = from->failed || len == 0;
	from->left = pdb_slice_skip(from->left, len);
	return value;
}

static bool lower_hex(pdb_slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
			return false;
		}
	}
	return true;
}

/* `size` bytes as lower-case hex: another spelling of the same bytes would be another line. */
static void hex(reader *from, uint8_t *out, size_t size)
{
	pdb_slice digits = pdb_slice_of(from->left.ptr, 2 * size);
	size_t used = 0;

	if (from->failed || from->left.len < digits.len || !lower_hex(digits) ||
	    sodium_hex2bin(out, size, (const char *)digits.ptr, digits.len, NULL, &used, NULL) !=
		    0 ||
	    used != size) {
		from->failed = true;
		return;
	}
	from->left = pdb_slice_skip(from->left, digits.len);
}

/* The line ends in these parts, which are found from its end. */
static bool read_tail(pdb_slice line, bool checkpoint, pdb__audit_line *out)
{
	size_t tail = PREV_PART + HASH_PART + (checkpoint ? SIG_PART : 0) + 1;
	reader from;

	if (line.len < tail) {
		return false;
	}
	from = (reader){pdb_slice_skip(line, line.len - tail), false};
	expect(&from, ",\"prev\":\"");
	hex(&from, out->prev, sizeof(out->prev));
	out->hashed = line.len - tail + PREV_PART;
	expect(&from, "\",\"hash\":\"");
	hex(&from, out->hash, sizeof(out->hash));
	if (checkpoint) {
		expect(&from, "\",\"sig\":\"");
		hex(&from, out->sig, sizeof(out->sig));
	}
	expect(&from, "\"}");
	return !from.failed && from.left.len == 0;
}

/* In front of the tail. */
static void read_mac(pdb_slice line, pdb__audit_line *out)
{
	size_t before = out->hashed - PREV_PART;
	reader from = {pdb_slice_of(line.ptr, before), before < MAC_PART};

	if (!from.failed) {
		from.left = pdb_slice_skip(from.left, before - MAC_PART);
		expect(&from, ",\"mac\":\"");
		hex(&from, out->mac, sizeof(out->mac));
		expect(&from, "\"");
	}
	if (!from.failed) {
		out->macced = before - MAC_PART;
	}
}

bool pdb__audit_line_read(pdb_slice line, pdb__audit_line *out)
{
	reader from = {line, false};

	*out = (pdb__audit_line){0};
	expect(&from, PREFIX);
	out->seq = number(&from);
	expect(&from, ",");
	if (from.failed || line.len > PDB__AUDIT_LINE_MAX) {
		return false;
	}
	out->checkpoint = read_tail(line, true, out);
	if (!out->checkpoint && !read_tail(line, false, out)) {
		return false;
	}
	read_mac(line, out);
	return true;
}

void pdb__audit_hash(pdb_slice hashed, uint8_t out[PDB__AUDIT_HASH])
{
	crypto_generichash_state state;

	(void)crypto_generichash_init(&state, NULL, 0, PDB__AUDIT_HASH);
	(void)crypto_generichash_update(&state, (const uint8_t *)LINE_LABEL,
					sizeof(LINE_LABEL) - 1);
	(void)crypto_generichash_update(&state, hashed.ptr, hashed.len);
	(void)crypto_generichash_final(&state, out, PDB__AUDIT_HASH);
}

size_t pdb__audit_signed(const uint8_t hash[PDB__AUDIT_HASH], uint8_t out[64])
{
	memcpy(out, SIGN_LABEL, sizeof(SIGN_LABEL) - 1);
	memcpy(out + sizeof(SIGN_LABEL) - 1, hash, PDB__AUDIT_HASH);
	return sizeof(SIGN_LABEL) - 1 + PDB__AUDIT_HASH;
}

size_t pdb__audit_head_write(const pdb__audit_head *head, char out[PDB__AUDIT_HEAD_MAX])
{
	char hash[HASH_HEX + 1];
	int len;

	(void)sodium_bin2hex(hash, sizeof(hash), head->hash, sizeof(head->hash));
	len = snprintf(out, PDB__AUDIT_HEAD_MAX,
		       "{\"label\":\"" HEAD_LABEL "\",\"seq\":%020llu,\"size\":%020llu,"
		       "\"store\":\"%020llu:%020llu\",\"hash\":\"%s\"",
		       (unsigned long long)head->seq, (unsigned long long)head->size,
		       (unsigned long long)head->store_generation,
		       (unsigned long long)head->store_size, hash);
	return (size_t)len;
}

bool pdb__audit_head_read(pdb_slice text, const uint8_t *public_key, pdb__audit_head *out)
{
	reader from = {text, false};
	uint8_t sig[PDB__AUDIT_SIG] = {0};
	size_t signed_len;

	*out = (pdb__audit_head){0};
	expect(&from, "{\"label\":\"" HEAD_LABEL "\",\"seq\":");
	out->seq = number(&from);
	expect(&from, ",\"size\":");
	out->size = number(&from);
	expect(&from, ",\"store\":\"");
	out->store_generation = number(&from);
	expect(&from, ":");
	out->store_size = number(&from);
	expect(&from, "\",\"hash\":\"");
	hex(&from, out->hash, sizeof(out->hash));
	expect(&from, "\"");
	signed_len = text.len - from.left.len;
	expect(&from, ",\"sig\":\"");
	hex(&from, sig, sizeof(sig));
	expect(&from, "\"}\n");
	return !from.failed && from.left.len == 0 &&
	       crypto_sign_verify_detached(sig, text.ptr, signed_len, public_key) == 0;
}

static bool fault(pdb__audit_check *check, const char *text)
{
	(void)snprintf(check->fault, sizeof(check->fault), "%s", text);
	return false;
}

static bool judge_chain(pdb__audit_check *check, const pdb__audit_line *line)
{
	bool first = check->line == 1;

	if (first && check->follows) {
		return true;
	}
	if (line->seq != check->seq + 1) {
		(void)snprintf(check->fault, sizeof(check->fault),
			       "has number %llu where %llu must be: lines were dropped, put in or "
			       "reordered here",
			       (unsigned long long)line->seq, (unsigned long long)check->seq + 1);
		return false;
	}
	if (sodium_memcmp(line->prev, check->hash, PDB__AUDIT_HASH) != 0) {
		return fault(check, "does not follow the line before it: one of the two was "
				    "altered, or lines were dropped or put in between");
	}
	return true;
}

static bool judge_signature(pdb__audit_check *check, const pdb__audit_line *line)
{
	uint8_t message[64];
	size_t len = pdb__audit_signed(line->hash, message);

	if (crypto_sign_verify_detached(line->sig, message, len, check->public_key) == 0) {
		check->signed_seq = line->seq;
		check->signed_line = check->line;
		return true;
	}
	(void)snprintf(check->fault, sizeof(check->fault),
		       "is a checkpoint whose signature does not hold: a line from %llu on was "
		       "altered",
		       (unsigned long long)check->signed_line + 1);
	return false;
}

/* The head is signed with each sync: what lies before its line is whole only if that line is. */
static bool judge_head(pdb__audit_check *check, const pdb__audit_line *line)
{
	if (!check->has_head || line->seq != check->head.seq ||
	    sodium_memcmp(line->hash, check->head.hash, PDB__AUDIT_HASH) == 0) {
		return true;
	}
	(void)snprintf(check->fault, sizeof(check->fault),
		       "is another one than the head beside the log was written for: a line from "
		       "%llu on was altered",
		       (unsigned long long)check->signed_line + 1);
	return false;
}

void pdb__audit_check_head(pdb__audit_check *check, pdb_slice head_text)
{
	check->has_head = pdb__audit_head_read(head_text, check->public_key, &check->head);
}

bool pdb__audit_check_line(pdb__audit_check *check, pdb_slice text)
{
	uint8_t hash[PDB__AUDIT_HASH];
	pdb__audit_line line;

	check->line++;
	if (!pdb__audit_line_read(text, &line)) {
		return fault(check, "is not a line of an audit log");
	}
	if (check->line == 1) {
		check->first_seq = line.seq;
	}
	pdb__audit_hash(pdb_slice_of(text.ptr, line.hashed), hash);
	if (sodium_memcmp(hash, line.hash, sizeof(hash)) != 0) {
		return fault(check, "was altered: its hash does not fit");
	}
	if (!judge_chain(check, &line) || (line.checkpoint && !judge_signature(check, &line)) ||
	    !judge_head(check, &line)) {
		return false;
	}
	check->seq = line.seq;
	memcpy(check->hash, line.hash, sizeof(check->hash));
	return true;
}

bool pdb__audit_check_end(pdb__audit_check *check)
{
	const pdb__audit_head *head = &check->head;

	if (!check->has_head) {
		return fault(check, "is the last, but the head beside the log is not one that this "
				    "key has signed");
	}
	if (check->seq < head->seq) {
		(void)snprintf(check->fault, sizeof(check->fault),
			       "has number %llu and is the last, but there were %llu: the tail was "
			       "cut, or this is an older copy",
			       (unsigned long long)check->seq, (unsigned long long)head->seq);
		return false;
	}
	if (head->seq > check->signed_seq) {
		check->signed_seq = head->seq;
	}
	return true;
}
