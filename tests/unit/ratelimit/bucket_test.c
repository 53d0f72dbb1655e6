/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets: what they admit over time, and what a full table costs whom. */
#include "bucket.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>

#include "who.h"

#define SECOND INT64_C(1000000000)
#define BITS   10u /* places */

static const pdb_host host = {
	.size = sizeof(pdb_host),
	.alloc = malloc,
	.realloc = realloc,
	.free = free,
};

static buckets *table;
static int64_t now;

static void start(void)
{
	pdb_err err = {0};

	now = 1000 * SECOND;
	cr_assert_eq(buckets_create(&table, &host, BITS, &err), PDB_OK);
}

static void end(void)
{
	buckets_destroy(&table);
	cr_assert_null(table);
}

TestSuite(bucket, .init = start, .fini = end);

/* A number as a keyed hash gives them: this one is splitmix64. */
static uint64_t scatter(uint64_t seed)
{
	uint64_t z = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static bool admitted(uint64_t key, const bucket_rate *rate, int64_t cost)
{
	return buckets_take(table, key, rate, cost, now).admitted;
}

Test(bucket, gives_its_burst_and_then_its_rate)
{
	const bucket_rate rate = {SECOND / 10, 20};
	unsigned count = 0;

	for (unsigned i = 0; i < 100; i++) {
		count += admitted(7, &rate, 1);
	}
	cr_assert_eq(count, 20);
	for (unsigned i = 0; i < 60000; i++) {
		now += SECOND / 1000;
		count += admitted(7, &rate, 1);
	}
	cr_assert_eq(count, 20 + 600, "burst and 60 s of 10 a second, not one more: %u", count);
}

Test(bucket, tells_what_is_left_and_how_long_to_wait)
{
	const bucket_rate rate = {SECOND, 3};
	bucket_answer answer = buckets_take(table, 7, &rate, 1, now);

	cr_assert(answer.admitted && answer.left == 2 && answer.full == SECOND && answer.wait == 0);
	answer = buckets_take(table, 7, &rate, 2, now);
	cr_assert(answer.admitted && answer.left == 0 && answer.full == 3 * SECOND);
	answer = buckets_take(table, 7, &rate, 2, now);
	cr_assert(!answer.admitted && answer.left == 0 && answer.wait == 2 * SECOND);
	now += answer.wait - 1;
	cr_assert_not(admitted(7, &rate, 2));
	now += 1;
	cr_assert(admitted(7, &rate, 2));
}

Test(bucket, a_cost_above_the_burst_takes_it_whole)
{
	const bucket_rate rate = {SECOND, 3};

	cr_assert(admitted(7, &rate, 10));
	cr_assert_not(admitted(7, &rate, 1));
	now += 3 * SECOND;
	cr_assert(admitted(7, &rate, 10));
	cr_assert(admitted(8, &rate, 0), "nothing costs nothing");
	cr_assert(admitted(7, &rate, 0));
}

Test(bucket, what_is_returned_was_never_taken)
{
	const bucket_rate rate = {SECOND, 3};

	for (unsigned i = 0; i < 100; i++) {
		cr_assert(admitted(7, &rate, 2));
		buckets_return(table, 7, &rate, 2);
	}
	cr_assert_eq(buckets_take(table, 7, &rate, 0, now).left, 3);
	buckets_return(table, 8, &rate, 1);
	cr_assert_eq(buckets_take(table, 8, &rate, 1, now).left, 2, "no more than a bucket holds");
}

Test(bucket, a_smaller_bucket_after_a_reload_waits_no_longer_than_it_is_deep)
{
	const bucket_rate slow = {60 * SECOND, 10};
	const bucket_rate quick = {SECOND / 100, 100};
	bucket_answer answer;

	cr_assert(admitted(7, &slow, 10));
	answer = buckets_take(table, 7, &quick, 1, now);
	cr_assert(!answer.admitted && answer.wait <= SECOND);
}

/* Whoever has used up a bucket may come from everywhere else: it stays used up. */
Test(bucket, floods_do_not_make_the_table_forget)
{
	const bucket_rate rate = {6 * SECOND, 10};
	const uint64_t guilty = scatter(1);
	unsigned late = 0;

	cr_assert(admitted(guilty, &rate, 10));
	for (uint64_t i = 0; i < 200000; i++) {
		(void)admitted(scatter(1000 + i), &rate, 1);
		if (i % 100 == 0) {
			late += admitted(guilty, &rate, 1);
		}
	}
	cr_assert_eq(late, 0, "%u tries more", late);
}

/* When every place is taken, newcomers pay for what they push out, so all together get no more
 * than the places give. */
Test(bucket, a_full_table_gives_no_more_than_its_places)
{
	const bucket_rate rate = {6 * SECOND, 10};
	const unsigned places = 1u << BITS;
	unsigned count = 0;

	for (uint64_t i = 0; i < 1000000; i++) {
		count += admitted(scatter(i), &rate, 1);
	}
	cr_assert_leq(count, places * 10, "%u tries through %u places", count, places);
	now += 60 * SECOND;
	cr_assert(admitted(scatter(77), &rate, 10), "all is forgiven in time");
}

/* Four strangers a place, each with one try: a newcomer is charged about as many. */
Test(bucket, a_flood_costs_a_newcomer_little)
{
	const bucket_rate rate = {6 * SECOND, 10};
	unsigned least = 10;

	for (uint64_t i = 0; i < 4000; i++) {
		(void)admitted(scatter(i), &rate, 1);
	}
	for (uint64_t i = 0; i < 100; i++) {
		bucket_answer answer = buckets_take(table, scatter(900000 + i), &rate, 0, now);

		least = (unsigned)answer.left < least ? (unsigned)answer.left : least;
	}
	cr_assert_geq(least, 3, "%u of 10 tries left", least);
}

typedef struct worker {
	pthread_t thread;
	unsigned count;
} worker;

static void *take_often(void *arg)
{
	static const bucket_rate rate = {SECOND, 1000};
	worker *self = arg;

	for (unsigned i = 0; i < 20000; i++) {
		self->count += admitted(5, &rate, 1);
		(void)admitted(scatter(i), &rate, 1);
		buckets_return(table, scatter(i), &rate, 1);
	}
	return NULL;
}

Test(bucket, threads_share_a_bucket_exactly)
{
	worker workers[4] = {0};
	unsigned count = 0;

	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(pthread_create(&workers[i].thread, NULL, take_often, &workers[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		cr_assert_eq(pthread_join(workers[i].thread, NULL), 0);
		count += workers[i].count;
	}
	cr_assert_eq(count, 1000, "%u", count);
}

Test(who, addresses_of_one_subscriber_are_one)
{
	const who_secret secret = {{1, 2, 3}};
	const who_secret other = {{1, 2, 4}};

	cr_expect_eq(who_address(&secret, "2001:db8:1:2::1"),
		     who_address(&secret, "2001:db8:1:2:ffff::9"));
	cr_expect_neq(who_address(&secret, "2001:db8:1:2::1"),
		      who_address(&secret, "2001:db8:1:3::1"));
	cr_expect_eq(who_address(&secret, "::ffff:192.0.2.1"), who_address(&secret, "192.0.2.1"));
	cr_expect_neq(who_address(&secret, "192.0.2.2"), who_address(&secret, "192.0.2.1"));
	cr_expect_neq(who_address(&secret, "unix"), 0);
	cr_expect_neq(who_address(&secret, "192.0.2.1"), who_address(&other, "192.0.2.1"));
	cr_expect_neq(who_text(&secret, WHO_KEY, pdb_slice_text("a")),
		      who_text(&secret, WHO_USER, pdb_slice_text("a")));
}
