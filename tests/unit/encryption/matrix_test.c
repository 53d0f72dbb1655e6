/* SPDX-License-Identifier: Apache-2.0 */
/* What was sealed opens in its place and under its key, unchanged, and nowhere else. */
#include <stdlib.h>

#include "sealing.h"

#define CANARY     "\"the canary of this record\""
#define CARD       "[true , \"a second canary \"]"
#define BODY(x)    "{\"text\":" CANARY ",\"card\":{\"number\":" CARD "},\"x\":" x "}"
#define CASES      "200000"
#define RECORD_MAX 4u

static sealing records[RECORD_MAX];
static size_t cases;

static void open_nothing(const crypt_place *place, const crypt_keys *keys, pdb_slice bytes,
			 pdb_slice stored, const char *what)
{
	uint8_t out[SEALING_MAX];
	size_t len;

	memset(out, 0xaa, sizeof(out));
	cr_assert_not(sealing_open(place, keys, bytes, stored, out, &len), "%s opened", what);
	cr_assert_null(memmem(out, sizeof(out), "canary", 6), "%s gave plaintext", what);
	cases++;
}

static pdb_slice frame_of(const sealing *s)
{
	return pdb_slice_of(s->frame, s->frame_len);
}

static pdb_slice stored_of(const sealing *s)
{
	return pdb_slice_of(s->stored, s->stored_len);
}

/* The same bytes in other places, and other bytes in the same place. */
static void moved(const sealing *s)
{
	crypt_place place = s->place;
	crypt_keys keys;

	place.thread = PDB_SLICE("t2");
	open_nothing(&place, &s->keys, frame_of(s), stored_of(s), "another thread");
	place = s->place;
	place.message = PDB_SLICE("m2");
	open_nothing(&place, &s->keys, frame_of(s), stored_of(s), "another message");
	place = s->place;
	place.version++;
	open_nothing(&place, &s->keys, frame_of(s), stored_of(s), "another version");
	place = s->place;
	place.database = PDB_SLICE("other");
	open_nothing(&place, &s->keys, frame_of(s), stored_of(s), "another database");
	/* The border between two ids is not where bytes can be moved. */
	place = s->place;
	place.database = PDB_SLICE("dbt");
	place.thread = PDB_SLICE("1");
	open_nothing(&place, &s->keys, frame_of(s), stored_of(s), "a moved border");
	sealing_keys(&keys, 99);
	open_nothing(&s->place, &keys, frame_of(s), stored_of(s), "another key");
	for (size_t i = 0; i < RECORD_MAX; i++) {
		if (&records[i] != s) {
			open_nothing(&s->place, &s->keys, frame_of(&records[i]), stored_of(s),
				     "another frame");
			open_nothing(&s->place, &s->keys, frame_of(s), stored_of(&records[i]),
				     "another body");
		}
	}
}

static void flip_frame(sealing *s, size_t bit)
{
	s->frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
	open_nothing(&s->place, &s->keys, frame_of(s), stored_of(s), "a changed frame");
	s->frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

static void flip_stored(sealing *s, size_t bit)
{
	s->stored[bit / 8] ^= (uint8_t)(1u << bit % 8);
	open_nothing(&s->place, &s->keys, frame_of(s), stored_of(s), "a changed body");
	s->stored[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* -- behind the mark ------------------------------------------------------------------------- */

static void hash_part(crypto_generichash_state *state, const void *bytes, size_t len)
{
	const uint8_t width[4] = {(uint8_t)len, (uint8_t)(len >> 8), 0, 0};

	(void)crypto_generichash_update(state, width, sizeof(width));
	(void)crypto_generichash_update(state, bytes, len);
}

/* Marks a record anew, as only who has the key can: each value is still bound by itself. */
static void mark_again(sealing *s, const crypt_place *place)
{
	const uint8_t version[4] = {(uint8_t)place->version, 0, 0, 0};
	crypto_generichash_state state;

	(void)crypto_generichash_init(&state, s->keys.mark, sizeof(s->keys.mark), FRAME_MARK_SIZE);
	hash_part(&state, "pdb/m1", 6);
	hash_part(&state, place->database.ptr, place->database.len);
	hash_part(&state, place->thread.ptr, place->thread.len);
	hash_part(&state, place->message.ptr, place->message.len);
	hash_part(&state, version, sizeof(version));
	(void)crypto_generichash_update(&state, s->frame, FRAME_MARK_AT);
	(void)crypto_generichash_update(&state, s->frame + FRAME_HEAD_SIZE,
					s->frame_len - FRAME_HEAD_SIZE);
	(void)crypto_generichash_update(&state, s->stored, s->stored_len);
	(void)crypto_generichash_final(&state, s->frame + FRAME_MARK_AT, FRAME_MARK_SIZE);
}

static void marked_nothing(const sealing *from, const crypt_place *place, const char *what)
{
	sealing s = *from;

	mark_again(&s, place);
	open_nothing(place, &s.keys, frame_of(&s), stored_of(&s), what);
}

static void moved_and_marked(const sealing *s)
{
	uint8_t out[SEALING_MAX];
	sealing same = *s;
	crypt_place place = s->place;
	size_t len;

	mark_again(&same, &place);
	cr_assert(sealing_open(&place, &same.keys, frame_of(&same), stored_of(&same), out, &len));
	place.thread = PDB_SLICE("t2");
	marked_nothing(s, &place, "another thread, marked");
	place = s->place;
	place.message = PDB_SLICE("m2");
	marked_nothing(s, &place, "another message, marked");
	place = s->place;
	place.version++;
	marked_nothing(s, &place, "another version, marked");
	place = s->place;
	place.database = PDB_SLICE("other");
	marked_nothing(s, &place, "another database, marked");
	/* Every bit behind the head, placeholders aside, and those of the key's id and version. */
	for (size_t bit = 8 * 8; bit < s->frame_len * 8; bit++) {
		bool length = bit / 8 >= 12 && bit / 8 < FRAME_HEAD_SIZE;

		if (!length) {
			same = *s;
			same.frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
			marked_nothing(&same, &s->place, "a changed frame, marked");
		}
	}
}

/* Two values of one record change places, with all that belongs to them but their path. */
static void swap_values(const sealing *s)
{
	sealing other = *s;
	size_t cursor = 0;
	frame f;
	frame_value a;
	frame_value b;

	cr_assert(frame_decode(frame_of(s), &f));
	if (f.count < 2 || !frame_next(&f, &cursor, &a) || !frame_next(&f, &cursor, &b) ||
	    a.sealed.len != b.sealed.len) {
		return;
	}
	memcpy(other.frame + (a.nonce - s->frame), b.nonce,
	       FRAME_NONCE_SIZE + FRAME_COM_SIZE + b.sealed.len);
	memcpy(other.frame + (b.nonce - s->frame), a.nonce,
	       FRAME_NONCE_SIZE + FRAME_COM_SIZE + a.sealed.len);
	open_nothing(&s->place, &s->keys, frame_of(&other), stored_of(&other), "swapped values");
	marked_nothing(&other, &s->place, "swapped values, marked");
}

static void make(size_t i)
{
	static const char *const ids[RECORD_MAX] = {"m10", "m11", "m12", "m13"};
	static const char *const bodies[RECORD_MAX] = {BODY("1"), BODY("2"), BODY("[3]"),
						       BODY("{}")};
	static const char *const values[] = {CANARY, CARD, NULL};
	static const char *const paths[] = {"/body/text", "/body/card/number", NULL};
	sealing *s = &records[i];

	s->place = (crypt_place){.database = PDB_SLICE("db"),
				 .thread = PDB_SLICE("t1"),
				 .message = pdb_slice_text(ids[i]),
				 .version = (uint32_t)i + 1};
	sealing_keys(&s->keys, 5);
	sealing_make(s, bodies[i], values, paths);
}

Test(matrix, nothing_opens_where_it_was_not_sealed)
{
	const char *given = getenv("PDB_SEAL_CASES");
	size_t want = strtoul(given != NULL ? given : CASES, NULL, 10);
	uint8_t out[SEALING_MAX];
	size_t len;

	cr_assert_geq(sodium_init(), 0);
	while (cases < want) {
		for (size_t i = 0; i < RECORD_MAX; i++) {
			make(i);
		}
		for (size_t i = 0; i < RECORD_MAX; i++) {
			sealing *s = &records[i];

			cr_assert(sealing_open(&s->place, &s->keys, frame_of(s), stored_of(s), out,
					       &len));
			moved(s);
			swap_values(s);
			moved_and_marked(s);
			for (size_t bit = 0; bit < s->frame_len * 8; bit++) {
				flip_frame(s, bit);
			}
			for (size_t bit = 0; bit < s->stored_len * 8; bit++) {
				flip_stored(s, bit);
			}
			cr_assert(sealing_open(&s->place, &s->keys, frame_of(s), stored_of(s), out,
					       &len));
		}
	}
	cr_log_info("%zu cases", cases);
	if (given != NULL) {
		(void)fprintf(stderr, "%zu moved or altered: all rejected\n", cases);
	}
}
