/* SPDX-License-Identifier: Apache-2.0 */
/* What a KMS provider must do, clause by clause of <pdb/kms.h>. */
#include "provider.h"

#define MISSING "00112233445566778899aabbccddeeff"

typedef struct held_key {
	pdb_kms_key key;
	uint8_t dek[PDB_KMS_DEK_SIZE];
} held_key;

static pdb_kms_key *fresh(held_key *held)
{
	*held = (held_key){.key = {.size = sizeof(held->key)}};
	held->key.dek = held->dek;
	return &held->key;
}

static bool blank(const uint8_t *dek)
{
	for (size_t i = 0; i < PDB_KMS_DEK_SIZE; i++) {
		if (dek[i] != 0) {
			return false;
		}
	}
	return true;
}

static void create(const provider *p, const char *thread, held_key *held)
{
	pdb_err err = {0};

	cr_assert_eq(p->ops->create(p->kms, pdb_slice_text(thread), fresh(held), &err), PDB_OK,
		     "%s", err.text);
}

static pdb_status unwrap(const provider *p, const char *id, uint32_t version, held_key *held)
{
	pdb_err err = {0};

	memset(fresh(held)->dek, 0x5a, PDB_KMS_DEK_SIZE);
	return p->ops->unwrap(p->kms, id, version, &held->key, &err);
}

/* Expects that the version still opens to the same bytes. */
static void expect_same(const provider *p, const held_key *first)
{
	held_key again;

	cr_assert_eq(unwrap(p, first->key.id, first->key.dek_version, &again), PDB_OK);
	cr_assert_arr_eq(again.dek, first->dek, PDB_KMS_DEK_SIZE);
	cr_assert_str_eq(again.key.thread, first->key.thread);
}

static uint32_t rotate(const provider *p)
{
	uint32_t version = 0;
	pdb_err err = {0};

	cr_assert_eq(p->ops->rotate_kek(p->kms, "tester", &version, &err), PDB_OK, "%s", err.text);
	return version;
}

static pdb_kms_progress run_pass(const provider *p,
				 pdb_status (*pass)(void *, uint32_t, pdb_kms_progress *,
						    pdb_err *),
				 uint32_t limit)
{
	pdb_kms_progress progress = {.size = sizeof(progress)};
	pdb_err err = {0};

	for (unsigned i = 0; i < 1000 && !progress.finished; i++) {
		cr_assert_eq(pass(p->kms, limit, &progress, &err), PDB_OK, "%s", err.text);
		cr_assert_leq(progress.done, (uint64_t)(i + 1) * limit);
	}
	cr_assert_eq(progress.finished, 1);
	return progress;
}

CONTRACT(a_key_is_made_for_a_thread_and_opens_again)
{
	provider *p = provider_open(param);
	held_key first;
	held_key second;

	create(p, "thread-1", &first);
	create(p, "thread-1", &second);
	cr_assert_eq(strlen(first.key.id), 32);
	cr_assert_str_neq(first.key.id, second.key.id);
	cr_assert_eq(first.key.state, PDB_KMS_KEY_BOUND);
	cr_assert_eq(first.key.dek_version, 1);
	cr_assert_eq(first.key.newest, 1);
	cr_assert_eq(first.key.kek_version, 1);
	cr_assert_str_eq(first.key.thread, "thread-1");
	cr_assert_gt(first.key.created, 0);
	cr_assert_not(blank(first.dek));
	cr_assert(memcmp(first.dek, second.dek, PDB_KMS_DEK_SIZE) != 0);
	expect_same(p, &first);
	provider_reopen(p);
	expect_same(p, &first);
	expect_same(p, &second);
}

CONTRACT(what_is_not_known_hands_out_no_bytes)
{
	provider *p = provider_open(param);
	static const char *const bad[] = {"", "x", "00112233445566778899AABBCCDDEEFF", MISSING "0"};
	held_key held;
	held_key made;

	cr_assert_eq(unwrap(p, MISSING, 0, &held), PDB_ENOTFOUND);
	cr_assert(blank(held.dek));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cr_assert_eq(unwrap(p, bad[i], 0, &held), PDB_EINVAL, "%s", bad[i]);
		cr_assert(blank(held.dek));
	}
	create(p, "t", &made);
	cr_assert_eq(unwrap(p, made.key.id, 2, &held), PDB_ENOTFOUND);
	cr_assert(blank(held.dek));
}

CONTRACT(threads_are_judged)
{
	provider *p = provider_open(param);
	char longest[130];
	held_key held;
	pdb_err err = {0};

	memset(longest, 'a', sizeof(longest));
	cr_assert_eq(p->ops->create(p->kms, pdb_slice_of(longest, 128), fresh(&held), &err),
		     PDB_OK);
	cr_assert_eq(strlen(held.key.thread), 128);
	cr_assert_eq(p->ops->create(p->kms, pdb_slice_of(longest, 129), fresh(&held), &err),
		     PDB_EINVAL);
	cr_assert_eq(p->ops->create(p->kms, PDB_SLICE(""), fresh(&held), &err), PDB_EINVAL);
	cr_assert_eq(p->ops->create(p->kms, PDB_SLICE("a\nb"), fresh(&held), &err), PDB_EINVAL);
}

CONTRACT(prepared_keys_are_claimed_once)
{
	provider *p = provider_open(param);
	pdb_kms_key keys[3];
	held_key held;
	held_key other;
	pdb_err err = {0};

	for (size_t i = 0; i < 3; i++) {
		keys[i] = (pdb_kms_key){.size = sizeof(keys[i])};
	}
	cr_assert_eq(p->ops->prepare(p->kms, keys, 3, &err), PDB_OK, "%s", err.text);
	cr_assert_eq(keys[0].state, PDB_KMS_KEY_PREPARED);
	cr_assert_str_empty(keys[0].thread);
	cr_assert_str_neq(keys[0].id, keys[1].id);
	cr_assert_eq(unwrap(p, keys[0].id, 0, &other), PDB_OK);
	cr_assert_eq(p->ops->claim(p->kms, keys[0].id, PDB_SLICE("t1"), fresh(&held), &err), PDB_OK,
		     "%s", err.text);
	cr_assert_eq(held.key.state, PDB_KMS_KEY_BOUND);
	cr_assert_str_eq(held.key.thread, "t1");
	cr_assert_arr_eq(held.dek, other.dek, PDB_KMS_DEK_SIZE, "claiming keeps the DEK");
	cr_assert_eq(p->ops->claim(p->kms, keys[0].id, PDB_SLICE("t1"), fresh(&other), &err),
		     PDB_OK, "again for the same thread");
	cr_assert_arr_eq(held.dek, other.dek, PDB_KMS_DEK_SIZE);
	cr_assert_eq(p->ops->claim(p->kms, keys[0].id, PDB_SLICE("t2"), fresh(&other), &err),
		     PDB_EDENIED);
	cr_assert(blank(other.dek));
	cr_assert_eq(p->ops->prepare(p->kms, keys, 0, &err), PDB_EINVAL);
	provider_reopen(p);
	expect_same(p, &held);
}

CONTRACT(versions_follow_each_other)
{
	provider *p = provider_open(param);
	held_key first;
	held_key second;
	held_key again;
	pdb_err err = {0};

	create(p, "t", &first);
	cr_assert_eq(p->ops->add_version(p->kms, first.key.id, 1, fresh(&second), &err), PDB_OK,
		     "%s", err.text);
	cr_assert_eq(second.key.dek_version, 2);
	cr_assert_eq(p->ops->add_version(p->kms, first.key.id, 1, fresh(&again), &err), PDB_OK,
		     "a repeated call is safe");
	cr_assert_eq(again.key.dek_version, 2);
	cr_assert_arr_eq(again.dek, second.dek, PDB_KMS_DEK_SIZE);
	cr_assert_eq(p->ops->add_version(p->kms, first.key.id, 2, fresh(&again), &err), PDB_OK);
	cr_assert_eq(p->ops->add_version(p->kms, first.key.id, 1, fresh(&again), &err), PDB_ESTALE);
	cr_assert(blank(again.dek));
	expect_same(p, &first);
	expect_same(p, &second);
	cr_assert_eq(unwrap(p, first.key.id, 0, &again), PDB_OK);
	cr_assert_eq(again.key.dek_version, 3, "0 is the newest");
}

CONTRACT(rotation_rewraps_and_retires)
{
	provider *p = provider_open(param);
	held_key held[7];
	pdb_kms_progress progress;
	pdb_kms_health health = {.size = sizeof(health)};
	held_key after;
	pdb_err err = {0};

	for (size_t i = 0; i < 7; i++) {
		create(p, "t", &held[i]);
	}
	cr_assert_eq(rotate(p), 2);
	create(p, "t", &after);
	cr_assert_eq(after.key.kek_version, 2, "new keys are under the new KEK at once");
	cr_assert_eq(p->ops->health(p->kms, &health, &err), PDB_OK);
	cr_assert_eq(health.outdated, 7);
	cr_assert_eq(p->ops->retire(p->kms, 1, "tester", &err), PDB_EBUSY, "it is in use");
	cr_assert_eq(p->ops->rewrap_key(p->kms, held[0].key.id, &err), PDB_OK, "%s", err.text);
	progress = run_pass(p, p->ops->rewrap, 3);
	cr_assert_eq(progress.done, 8);
	cr_assert_eq(progress.failed, 0);
	cr_assert_eq(p->ops->health(p->kms, &health, &err), PDB_OK);
	cr_assert_eq(health.outdated, 0);
	cr_assert_eq(p->ops->retire(p->kms, 1, "tester", &err), PDB_EBUSY, "nothing was verified");
	progress = run_pass(p, p->ops->verify, 3);
	cr_assert_eq(progress.failed, 0);
	cr_assert_eq(p->ops->retire(p->kms, 2, "tester", &err), PDB_EDENIED, "the active one");
	cr_assert_eq(p->ops->retire(p->kms, 9, "tester", &err), PDB_ENOTFOUND);
	cr_assert_eq(p->ops->retire(p->kms, 1, "tester", &err), PDB_OK, "%s", err.text);
	provider_reopen(p);
	for (size_t i = 0; i < 7; i++) {
		expect_same(p, &held[i]);
	}
}

CONTRACT(a_verify_pass_is_for_what_it_has_seen)
{
	provider *p = provider_open(param);
	held_key held[2];
	pdb_err err = {0};

	create(p, "t", &held[0]);
	create(p, "t", &held[1]);
	(void)rotate(p);
	(void)run_pass(p, p->ops->verify, 10);
	cr_assert_eq(p->ops->retire(p->kms, 1, "tester", &err), PDB_EBUSY,
		     "every key opened, but by that version");
	(void)run_pass(p, p->ops->rewrap, 10);
	cr_assert_eq(p->ops->retire(p->kms, 1, "tester", &err), PDB_EBUSY,
		     "the pass was before the keys were wrapped anew");
	(void)run_pass(p, p->ops->verify, 1);
	cr_assert_eq(p->ops->retire(p->kms, 1, "tester", &err), PDB_OK, "%s", err.text);
}

typedef struct kek_list {
	uint32_t states[8];
	uint64_t keys[8];
	uint32_t count;
} kek_list;

static pdb_status note_kek(void *arg, const pdb_kms_kek *kek)
{
	kek_list *list = arg;

	list->states[kek->version] = kek->state;
	list->keys[kek->version] = kek->keys;
	list->count++;
	return PDB_OK;
}

static kek_list keks_of(const provider *p)
{
	kek_list list = {0};
	pdb_err err = {0};

	cr_assert_eq(p->ops->keks(p->kms, note_kek, &list, &err), PDB_OK);
	return list;
}

CONTRACT(kek_versions_have_states)
{
	provider *p = provider_open(param);
	uint32_t version = 0;
	kek_list list;
	held_key held;
	held_key again;
	pdb_err err = {0};

	create(p, "t", &held);
	cr_assert_eq(p->ops->add_kek(p->kms, "tester", &version, &err), PDB_OK);
	cr_assert_eq(version, 2);
	cr_assert_eq(p->ops->add_kek(p->kms, "tester", &version, &err), PDB_EEXISTS);
	list = keks_of(p);
	cr_assert_eq(list.states[1], PDB_KMS_KEK_ACTIVE);
	cr_assert_eq(list.states[2], PDB_KMS_KEK_STANDBY);
	cr_assert_eq(rotate(p), 2, "the standby version is taken");
	list = keks_of(p);
	cr_assert_eq(list.count, 2);
	cr_assert_eq(list.states[1], PDB_KMS_KEK_DECRYPT_ONLY);
	cr_assert_eq(list.keys[1], 1);
	cr_assert_eq(p->ops->set_kek(p->kms, 1, PDB_KMS_KEK_DISABLED, "tester", &err), PDB_OK);
	cr_assert_eq(unwrap(p, held.key.id, 0, &again), PDB_EDENIED);
	cr_assert(blank(again.dek));
	cr_assert_eq(p->ops->set_kek(p->kms, 2, PDB_KMS_KEK_DISABLED, "tester", &err), PDB_EDENIED);
	cr_assert_eq(p->ops->set_kek(p->kms, 1, PDB_KMS_KEK_DESTROYED, "tester", &err), PDB_EINVAL);
	provider_reopen(p);
	cr_assert_eq(unwrap(p, held.key.id, 0, &again), PDB_EDENIED, "a restart keeps the state");
	cr_assert_eq(p->ops->set_kek(p->kms, 1, PDB_KMS_KEK_DECRYPT_ONLY, "tester", &err), PDB_OK);
	expect_same(p, &held);
}

static void take_text(void *arg, pdb_slice text)
{
	(void)snprintf(arg, 2048, "%.*s", PDB_SLICE_ARGS(text));
}

static pdb_kms_shred shred_of(const provider *p, const char *id)
{
	pdb_kms_shred shred = {.size = sizeof(shred)};
	pdb_err err = {0};

	cr_assert_eq(p->ops->shred_status(p->kms, id, &shred, &err), PDB_OK, "%s", err.text);
	return shred;
}

CONTRACT(a_destroyed_key_is_gone_and_later_for_good)
{
	provider *p = provider_open(param);
	char receipt[2048] = "";
	held_key held;
	held_key again;
	pdb_err err = {0};

	create(p, "t", &held);
	cr_assert_eq(shred_of(p, held.key.id).state, PDB_KMS_SHRED_LIVE);
	cr_assert_eq(p->ops->receipt(p->kms, held.key.id, take_text, receipt, &err), PDB_ENOTFOUND);
	cr_assert_eq(p->ops->destroy(p->kms, held.key.id, "tester", &err), PDB_OK, "%s", err.text);
	cr_assert_eq(p->ops->destroy(p->kms, held.key.id, "tester", &err), PDB_OK, "again");
	cr_assert_eq(p->ops->destroy(p->kms, MISSING, "tester", &err), PDB_ENOTFOUND);
	cr_assert_eq(unwrap(p, held.key.id, 0, &again), PDB_ENOTFOUND);
	cr_assert(blank(again.dek));
	cr_assert_eq(p->ops->claim(p->kms, held.key.id, PDB_SLICE("t"), fresh(&again), &err),
		     PDB_ENOTFOUND);
	cr_assert_eq(p->ops->add_version(p->kms, held.key.id, 1, fresh(&again), &err),
		     PDB_ENOTFOUND);
	cr_assert_eq(p->ops->describe(p->kms, held.key.id, fresh(&again), &err), PDB_OK);
	cr_assert_eq(again.key.state, PDB_KMS_KEY_DESTROYED);
	cr_assert_eq(shred_of(p, held.key.id).state, PDB_KMS_SHRED_LOGICAL);
	cr_assert_eq(shred_of(p, held.key.id).kek_version, 1);
	cr_assert_eq(p->ops->receipt(p->kms, held.key.id, take_text, receipt, &err), PDB_OK);
	cr_assert_not_null(strstr(receipt, "\"state\":\"logical\""), "%s", receipt);
	(void)rotate(p);
	(void)run_pass(p, p->ops->verify, 10);
	cr_assert_eq(p->ops->retire(p->kms, 1, "tester", &err), PDB_OK, "%s", err.text);
	provider_reopen(p);
	cr_assert_eq(shred_of(p, held.key.id).state, PDB_KMS_SHRED_FINAL);
	cr_assert_gt(shred_of(p, held.key.id).final, 0);
	cr_assert_eq(p->ops->receipt(p->kms, held.key.id, take_text, receipt, &err), PDB_OK);
	cr_assert_not_null(strstr(receipt, "\"state\":\"final\""), "%s", receipt);
}

CONTRACT(a_held_key_is_not_destroyed)
{
	provider *p = provider_open(param);
	held_key held;
	held_key again;
	pdb_err err = {0};

	cr_assert(PDB_HAS(p->ops, hold));
	create(p, "t", &held);
	cr_assert_eq(p->ops->hold(p->kms, held.key.id, true, "tester", &err), PDB_OK);
	cr_assert_eq(p->ops->hold(p->kms, held.key.id, true, "tester", &err), PDB_OK, "again");
	provider_reopen(p);
	cr_assert_eq(p->ops->destroy(p->kms, held.key.id, "tester", &err), PDB_EDENIED);
	cr_assert_str_eq(err.code, "legal_hold");
	cr_assert_eq(p->ops->describe(p->kms, held.key.id, fresh(&again), &err), PDB_OK);
	cr_assert_eq(again.key.held, 1);
	expect_same(p, &held);
	cr_assert_eq(p->ops->hold(p->kms, held.key.id, false, "tester", &err), PDB_OK);
	cr_assert_eq(p->ops->destroy(p->kms, held.key.id, "tester", &err), PDB_OK);
}

typedef struct key_list {
	char last[PDB_KMS_ID_SIZE];
	size_t count;
	size_t stop_at;
	bool ordered;
} key_list;

static pdb_status note_key(void *arg, const pdb_kms_key *key)
{
	key_list *list = arg;

	list->ordered = list->ordered && strcmp(list->last, key->id) < 0;
	(void)snprintf(list->last, sizeof(list->last), "%s", key->id);
	list->count++;
	return list->count == list->stop_at ? PDB_ESTOP : PDB_OK;
}

CONTRACT(keys_are_listed_in_order)
{
	provider *p = provider_open(param);
	key_list list = {.ordered = true};
	held_key held;
	pdb_err err = {0};

	for (size_t i = 0; i < 150; i++) {
		create(p, "t", &held);
	}
	cr_assert_eq(p->ops->destroy(p->kms, held.key.id, NULL, &err), PDB_OK);
	cr_assert_eq(p->ops->each(p->kms, "", note_key, &list, &err), PDB_OK);
	cr_assert_eq(list.count, 150, "destroyed ones too");
	cr_assert(list.ordered);
	list = (key_list){.ordered = true, .stop_at = 70};
	cr_assert_eq(p->ops->each(p->kms, "", note_key, &list, &err), PDB_OK);
	cr_assert_eq(list.count, 70);
	list.count = 0;
	list.stop_at = 0;
	{
		char after[PDB_KMS_ID_SIZE];

		memcpy(after, list.last, sizeof(after));
		cr_assert_eq(p->ops->each(p->kms, after, note_key, &list, &err), PDB_OK);
	}
	cr_assert_eq(list.count, 80);
	cr_assert(list.ordered);
}
