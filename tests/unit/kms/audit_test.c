/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: every edit has its place, and without it no key is touched. */
#include "audit_check.h"

#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "fixture.h"

TestSuite(audit, .init = fixture_make, .fini = fixture_clean);

typedef struct log_copy {
	uint8_t *bytes;
	size_t len;
	uint8_t *head;
	size_t head_len;
	uint8_t key[PDB__AUDIT_PUBLIC];
	size_t starts[4096]; /* of each line */
	size_t lines;
} log_copy;

static log_copy copy;

static void find_lines(void)
{
	copy.lines = 0;
	for (size_t i = 0; i < copy.len; i++) {
		if (i == 0 || copy.bytes[i - 1] == '\n') {
			copy.starts[copy.lines++] = i;
		}
	}
	copy.starts[copy.lines] = copy.len;
}

static void make_log(unsigned keys)
{
	pdb_err err = {0};
	size_t len = 0;
	uint8_t *hex;

	fixture_open();
	for (unsigned i = 0; i < keys; i++) {
		pdb_kms_key key = fixture_key("t", NULL);

		cr_assert_eq(fixture_unwrap(key.id, 0, NULL), PDB_OK);
		cr_assert_eq(pdb_keyring_destroy(fixture, "tester", key.id, &err), PDB_OK);
	}
	fixture_close();
	free(copy.bytes);
	free(copy.head);
	copy.bytes = fixture_read("audit.log", &copy.len);
	copy.head = fixture_read("audit.head", &copy.head_len);
	hex = fixture_read("audit.pub", &len);
	cr_assert_eq(
		sodium_hex2bin(copy.key, sizeof(copy.key), (const char *)hex, 64, NULL, NULL, NULL),
		0);
	free(hex);
	find_lines();
}

/* The line that is at fault, from 1; 0 = none. */
static uint64_t judge(const uint8_t *bytes, size_t len)
{
	pdb__audit_check check = {.public_key = copy.key};
	pdb_slice left = pdb_slice_of(bytes, len);

	pdb__audit_check_head(&check, pdb_slice_of(copy.head, copy.head_len));
	while (left.len > 0) {
		const uint8_t *end = memchr(left.ptr, '\n', left.len);
		size_t line = end != NULL ? (size_t)(end - left.ptr) : left.len;

		if (!pdb__audit_check_line(&check, pdb_slice_of(left.ptr, line))) {
			return check.line;
		}
		if (end == NULL) {
			return check.line;
		}
		left = pdb_slice_skip(left, line + 1);
	}
	if (pdb__audit_check_end(&check)) {
		return 0;
	}
	return check.line > 0 ? check.line : 1;
}

static size_t line_at(size_t place)
{
	size_t line = 0;

	while (line + 1 < copy.lines && copy.starts[line + 1] <= place) {
		line++;
	}
	return line + 1;
}

Test(audit, a_good_log_is_good)
{
	make_log(20);
	cr_assert_gt(copy.lines, 100);
	cr_assert_eq(judge(copy.bytes, copy.len), 0);
}

Test(audit, every_altered_byte_is_found_at_its_line)
{
	unsigned long samples = fixture_count("PDB_KMS_AUDIT_FLIPS", 3000);

	make_log(4);
	for (unsigned long i = 0; i < samples; i++) {
		size_t place = samples >= copy.len ? i % copy.len
						   : randombytes_uniform((uint32_t)copy.len);
		uint8_t kept = copy.bytes[place];
		uint64_t found;

		copy.bytes[place] ^= (uint8_t)(1 + randombytes_uniform(255));
		found = judge(copy.bytes, copy.len);
		cr_assert_eq(found, line_at(place), "byte %zu of line %zu: line %llu", place,
			     line_at(place), (unsigned long long)found);
		copy.bytes[place] = kept;
	}
}

static size_t line_len(size_t line)
{
	return copy.starts[line + 1] - copy.starts[line];
}

Test(audit, a_dropped_line_is_found)
{
	uint8_t *less;

	make_log(6);
	less = malloc(copy.len);
	for (size_t i = 0; i < copy.lines; i++) {
		size_t len = copy.len - line_len(i);
		uint64_t wanted = i + 1 < copy.lines ? i + 1 : i;

		memcpy(less, copy.bytes, copy.starts[i]);
		memcpy(less + copy.starts[i], copy.bytes + copy.starts[i + 1],
		       copy.len - copy.starts[i + 1]);
		cr_assert_eq(judge(less, len), wanted, "without line %zu", i + 1);
	}
	free(less);
}

Test(audit, an_inserted_line_is_found)
{
	uint8_t *more;

	make_log(6);
	more = malloc(2 * copy.len);
	for (size_t i = 0; i + 1 < copy.lines; i++) {
		size_t from = (i * 7) % copy.lines;

		memcpy(more, copy.bytes, copy.starts[i + 1]);
		memcpy(more + copy.starts[i + 1], copy.bytes + copy.starts[from], line_len(from));
		memcpy(more + copy.starts[i + 1] + line_len(from), copy.bytes + copy.starts[i + 1],
		       copy.len - copy.starts[i + 1]);
		if (from == i + 1) {
			cr_assert_eq(judge(more, copy.len + line_len(from)), i + 3);
		} else {
			cr_assert_eq(judge(more, copy.len + line_len(from)), i + 2);
		}
	}
	free(more);
}

Test(audit, reordered_lines_are_found)
{
	uint8_t *other;

	make_log(6);
	other = malloc(copy.len);
	for (size_t i = 0; i + 1 < copy.lines; i++) {
		memcpy(other, copy.bytes, copy.len);
		memcpy(other + copy.starts[i], copy.bytes + copy.starts[i + 1], line_len(i + 1));
		memcpy(other + copy.starts[i] + line_len(i + 1), copy.bytes + copy.starts[i],
		       line_len(i));
		cr_assert_eq(judge(other, copy.len), i + 1);
	}
	free(other);
}

Test(audit, a_cut_tail_is_found)
{
	make_log(6);
	for (size_t i = 1; i < copy.lines; i++) {
		cr_assert_eq(judge(copy.bytes, copy.starts[i]), i, "cut behind line %zu", i);
	}
	for (size_t len = copy.starts[3] + 1; len < copy.starts[4]; len++) {
		cr_assert_eq(judge(copy.bytes, len), 4, "cut inside line 4");
	}
	cr_assert_eq(judge(copy.bytes, 0), 1, "an empty log");
}

/* Writes the hash that the line has now. */
static void seal_line(uint8_t *bytes, size_t line, uint8_t hash[PDB__AUDIT_HASH])
{
	pdb_slice text = pdb_slice_of(bytes + copy.starts[line], line_len(line) - 1);
	pdb__audit_line parts;
	char hex[65];

	cr_assert(pdb__audit_line_read(text, &parts));
	pdb__audit_hash(pdb_slice_of(text.ptr, parts.hashed), hash);
	(void)sodium_bin2hex(hex, sizeof(hex), hash, PDB__AUDIT_HASH);
	memcpy(bytes + copy.starts[line] + parts.hashed + 9, hex, 64);
}

Test(audit, a_line_with_a_hash_of_its_own_does_not_fit_the_next)
{
	uint8_t hash[PDB__AUDIT_HASH];

	make_log(6);
	*strstr((char *)copy.bytes + copy.starts[9], "tester") = 'T';
	seal_line(copy.bytes, 9, hash);
	cr_assert_eq(judge(copy.bytes, copy.len), 11);
}

/* Whoever has no signing key can make all hashes fit, but no checkpoint. */
Test(audit, a_log_made_anew_is_found_at_its_first_checkpoint)
{
	uint8_t hash[PDB__AUDIT_HASH] = {0};
	size_t at = 0;

	make_log(3);
	make_log(3);
	*strstr((char *)copy.bytes, "tester") = 'T';
	for (size_t i = 0; i < copy.lines; i++) {
		pdb__audit_line parts;
		char hex[65];

		cr_assert(pdb__audit_line_read(
			pdb_slice_of(copy.bytes + copy.starts[i], line_len(i) - 1), &parts));
		(void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
		memcpy(copy.bytes + copy.starts[i] + parts.hashed - 65, hex, 64);
		seal_line(copy.bytes, i, hash);
		at = at == 0 && parts.checkpoint ? i + 1 : at;
	}
	cr_assert_lt(at, copy.lines - 1, "there is one before the end");
	cr_assert_eq(judge(copy.bytes, copy.len), at);
}

Test(audit, a_cut_or_older_log_stops_the_next_start)
{
	pdb_err err = {0};

	make_log(6);
	fixture_write("audit.log", copy.bytes, copy.starts[copy.lines - 4]);
	cr_assert_eq(fixture_try(&err), PDB_ECORRUPT, "%s", err.text);
	copy.bytes[copy.starts[copy.lines - 1] + 20] ^= 1;
	fixture_write("audit.log", copy.bytes, copy.len);
	cr_assert_eq(fixture_try(&err), PDB_ECORRUPT, "%s", err.text);
	/* an operator who has looked at it begins a new one */
	fixture_write("audit.reset", "", 0);
	fixture_open();
	cr_assert_not(fixture_has("audit.reset"));
	fixture_close();
	/* which is shorter than the old one, and good for every start that follows */
	fixture_open();
	(void)fixture_key("t", NULL);
	fixture_close();
	fixture_open();
}

/* Puts one more line behind the log, with all that can be made without a secret. */
static void forge_line(uint64_t seq)
{
	const pdb_slice last = pdb_slice_of(copy.bytes + copy.starts[copy.lines - 1],
					    line_len(copy.lines - 1) - 1);
	pdb__audit_line parts;
	uint8_t hash[PDB__AUDIT_HASH];
	char text[PDB__AUDIT_LINE_MAX];
	char hex[65];
	int len;

	cr_assert(pdb__audit_line_read(last, &parts));
	(void)sodium_bin2hex(hex, sizeof(hex), parts.hash, sizeof(parts.hash));
	len = snprintf(text, sizeof(text),
		       "{\"seq\":%llu,\"phase\":\"begin\",\"who\":\"ann\",\"op\":\"destroy\","
		       "\"mac\":\"%.32s\",\"prev\":\"%s\"",
		       (unsigned long long)seq, hex, hex);
	pdb__audit_hash(pdb_slice_of(text, (size_t)len), hash);
	(void)sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	len += snprintf(text + len, sizeof(text) - (size_t)len, ",\"hash\":\"%s\"}\n", hex);
	copy.bytes = realloc(copy.bytes, copy.len + (size_t)len);
	memcpy(copy.bytes + copy.len, text, (size_t)len);
	copy.len += (size_t)len;
	find_lines();
}

Test(audit, a_line_of_somebody_else_is_never_signed)
{
	static const char ann[] = "\"ann\"";
	pdb__audit_line last;
	size_t len = 0;
	uint8_t *now;

	make_log(6);
	cr_assert(pdb__audit_line_read(pdb_slice_of(copy.bytes + copy.starts[copy.lines - 1],
						    line_len(copy.lines - 1) - 1),
				       &last));
	forge_line(last.seq + 1);
	cr_assert_eq(judge(copy.bytes, copy.len), 0, "without a secret it looks whole");
	fixture_write("audit.log", copy.bytes, copy.len);
	fixture_open();
	fixture_close();
	now = fixture_read("audit.log", &len);
	cr_assert_null(memmem(now, len, ann, sizeof(ann) - 1));
	free(now);
}

Test(audit, lines_behind_the_head_do_not_hide_an_edit_before_it)
{
	pdb__audit_line last;

	make_log(6);
	cr_assert(pdb__audit_line_read(pdb_slice_of(copy.bytes + copy.starts[copy.lines - 1],
						    line_len(copy.lines - 1) - 1),
				       &last));
	/* the number of its checkpoint is taken by another line */
	copy.len = copy.starts[copy.lines - 1];
	find_lines();
	forge_line(last.seq);
	forge_line(last.seq + 1);
	cr_assert_eq(judge(copy.bytes, copy.len), copy.lines - 1);
}

Test(audit, the_chain_goes_on_in_a_new_file)
{
	const pdb_keyring_params params = {.host = &fixture_host,
					   .directory = fixture_directory,
					   .master_key_hex = FIXTURE_HEX,
					   .audit_file_max = 2000};
	size_t len = 0;
	uint8_t *now;
	pdb__audit_line line;
	pdb_err err = {0};

	cr_assert_eq(pdb_keyring_open(&fixture, &params, &err), PDB_OK);
	for (unsigned i = 0; i < 20; i++) {
		(void)fixture_key("t", NULL);
	}
	fixture_close(); /* the last tick begins the new file */
	cr_assert_eq(pdb_keyring_open(&fixture, &params, &err), PDB_OK, "%s", err.text);
	fixture_close();
	now = fixture_read("audit.log", &len);
	cr_assert(pdb__audit_line_read(
		pdb_slice_of(now, (size_t)((uint8_t *)memchr(now, '\n', len) - now)), &line));
	cr_assert_gt(line.seq, 40);
	free(now);
}

Test(audit, when_it_cannot_be_written_no_key_is_touched)
{
	struct rlimit limit = {0, RLIM_INFINITY};
	uint8_t dek[PDB_KMS_DEK_SIZE];
	pdb_kms_key key;
	pdb_kms_key more = {.size = sizeof(more), .dek = dek};
	pdb_kms_health health = {.size = sizeof(health)};
	size_t len = 0;
	uint32_t version = 0;
	unsigned done = 0;
	pdb_err err = {0};

	(void)signal(SIGXFSZ, SIG_IGN);
	fixture_open();
	key = fixture_key("t", NULL);
	free(fixture_read("audit.log", &len));
	limit.rlim_cur = len + 400000; /* less than the reserve that is kept */
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	while (done < 10000 && fixture_unwrap(key.id, 0, dek) == PDB_OK) {
		done++;
	}
	cr_assert_lt(done, 10000, "the limit was never met");
	for (unsigned i = 0; i < 100; i++) {
		memset(dek, 0x55, sizeof(dek));
		cr_assert_eq(fixture_unwrap(key.id, 0, dek), PDB_EUNAVAILABLE);
		cr_assert(sodium_is_zero(dek, sizeof(dek)));
		cr_assert_eq(pdb_keyring_create(fixture, "tester", PDB_SLICE("t"), &more, &err),
			     PDB_EUNAVAILABLE);
		cr_assert_eq(pdb_keyring_destroy(fixture, "tester", key.id, &err),
			     PDB_EUNAVAILABLE);
		cr_assert_eq(pdb_keyring_rotate_kek(fixture, "tester", &version, &err),
			     PDB_EUNAVAILABLE);
	}
	pdb_keyring_health(fixture, &health);
	cr_assert_eq(health.refuses, 1);
	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	pdb_keyring_health(fixture, &health);
	cr_assert_eq(health.refuses, 0);
	cr_assert_eq(fixture_unwrap(key.id, 0, dek), PDB_OK, "it goes on when there is room again");
	fixture_close();
	copy.bytes = fixture_read("audit.log", &copy.len);
	fixture_open();
}
