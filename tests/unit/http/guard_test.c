/* SPDX-License-Identifier: Apache-2.0 */
/* The guard: verdicts, what is taken down, and that cutting the bytes changes nothing. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "http/guard.h"

static const pdb_guard_limits limits = {
	.target_max = 64, .header_max = 512, .fields_max = 10, .body_max = 64};

/* What a run came to: the verdict, how far it read, and what the message holds. */
typedef struct outcome {
	pdb_verdict verdict;
	int status;
	size_t used;
	pdb_message message;
} outcome;

/* Feeds `text` in pieces of `piece` bytes, the first one `first` long. */
static outcome run(pdb_slice text, size_t first, size_t piece)
{
	outcome result = {.verdict = PDB_GUARD_MORE};
	size_t at = 0;
	size_t next = first;
	pdb_guard guard;

	pdb_guard_begin(&guard, &limits, &result.message);
	while (at < text.len && result.verdict == PDB_GUARD_MORE) {
		size_t left = text.len - at;
		size_t used = 0;

		result.verdict = pdb_guard_feed(
			&guard, pdb_slice_of(text.ptr + at, next < left ? next : left), &used);
		at += used;
		next = piece;
	}
	result.used = at;
	result.status = guard.refusal.status;
	return result;
}

static bool same(const outcome *a, const outcome *b)
{
	const pdb_message *m = &a->message;
	const pdb_message *n = &b->message;

	if (a->verdict != b->verdict || a->status != b->status) {
		return false;
	}
	if (a->verdict != PDB_GUARD_DONE) {
		return true;
	}
	return a->used == b->used && m->method == n->method && m->old == n->old &&
	       m->persistent == n->persistent && m->asterisk == n->asterisk &&
	       m->count == n->count && memcmp(&m->path, &n->path, sizeof(m->path)) == 0 &&
	       memcmp(&m->query, &n->query, sizeof(m->query)) == 0 &&
	       memcmp(m->fields, n->fields, m->count * sizeof(m->fields[0])) == 0 &&
	       pdb_slice_equal(pdb_buf_slice(&m->head), pdb_buf_slice(&n->head)) &&
	       pdb_slice_equal(pdb_buf_slice(&m->body), pdb_buf_slice(&n->body));
}

static outcome run_text(const char *text)
{
	return run(pdb_slice_text(text), SIZE_MAX, SIZE_MAX);
}

#define H "Host: a\r\n"

static const char *const valid[] = {
	"GET / HTTP/1.1\r\n" H "\r\n",
	"GET /a HTTP/1.1\r\nhost:a\r\n\r\n",
	"HEAD /a/b?c=d HTTP/1.1\r\n" H "\r\n",
	"POST /a HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc",
	"PUT /a HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n",
	"DELETE /a HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\n\r\n",
	"PATCH /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	"POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n",
	"POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0;y=z\r\n\r\n",
	"POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n",
	"POST /a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\nZ:\r\n\r\n",
	"POST /a HTTP/1.1\r\n" H "Transfer-Encoding: CHUNKED\r\n\r\n0a\r\n0123456789\r\n0\r\n\r\n",
	"POST /a HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 1\r\n\r\na",
	"OPTIONS * HTTP/1.1\r\n" H "\r\n",
	"OPTIONS /a HTTP/1.1\r\n" H "\r\n",
	"GET http://b/a HTTP/1.1\r\n" H "\r\n",
	"GET https://b:1/a?b HTTP/1.1\r\n" H "\r\n",
	"GET HTTP://b HTTP/1.1\r\n" H "\r\n",
	"GET http://b?c HTTP/1.1\r\n" H "\r\n",
	"GET /%41%c3%BC?%20 HTTP/1.1\r\n" H "\r\n",
	"GET /?a=1&b=2/?c HTTP/1.1\r\n" H "\r\n",
	"GET /? HTTP/1.1\r\n" H "\r\n",
	"GET / HTTP/1.0\r\n\r\n",
	"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	"GET / HTTP/1.1\r\n" H "Connection: close\r\n\r\n",
	"\r\nGET / HTTP/1.1\r\n" H "\r\n",
	"\r\n\r\nGET / HTTP/1.1\r\n" H "\r\n",
	"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
	"GET / HTTP/1.1\r\nHost: \t a:1 \t\r\n\r\n",
	"GET / HTTP/1.1\r\n" H "X:\r\nY: \r\nZ: a b\tc\r\n\r\n",
	"GET / HTTP/1.1\r\n" H "X: \xc3\xbc\r\n\r\n",
	"GET / HTTP/1.1\r\n" H
	"1: 2\r\n3: 4\r\n5: 6\r\n7: 8\r\n9: 0\r\na: b\r\nc: d\r\ne: f\r\n\r\n",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

Test(guard, valid_requests_are_done_at_their_last_byte)
{
	cr_assert_geq(COUNT(valid), 30);
	for (size_t i = 0; i < COUNT(valid); i++) {
		outcome whole = run_text(valid[i]);

		cr_expect_eq(whole.verdict, PDB_GUARD_DONE, "%s", valid[i]);
		cr_expect_eq(whole.used, strlen(valid[i]), "%s", valid[i]);
		pdb_message_fini(&whole.message);
	}
}

Test(guard, no_cut_changes_the_verdict)
{
	for (size_t i = 0; i < COUNT(valid); i++) {
		pdb_slice text = pdb_slice_text(valid[i]);
		outcome whole = run(text, SIZE_MAX, SIZE_MAX);

		for (size_t cut = 1; cut <= text.len; cut++) {
			outcome parts = run(text, cut, SIZE_MAX);
			outcome pieces = run(text, cut, cut);

			cr_expect(same(&whole, &parts), "cut at %zu: %s", cut, valid[i]);
			cr_expect(same(&whole, &pieces), "pieces of %zu: %s", cut, valid[i]);
			pdb_message_fini(&parts.message);
			pdb_message_fini(&pieces.message);
		}
		pdb_message_fini(&whole.message);
	}
}

Test(guard, a_request_without_its_last_byte_waits)
{
	for (size_t i = 0; i < COUNT(valid); i++) {
		pdb_slice text = pdb_slice_text(valid[i]);

		for (size_t len = 0; len < text.len; len++) {
			outcome part = run(pdb_slice_of(text.ptr, len), SIZE_MAX, SIZE_MAX);

			cr_expect_eq(part.verdict, PDB_GUARD_MORE, "%zu bytes of %s", len,
				     valid[i]);
			pdb_message_fini(&part.message);
		}
	}
}

Test(guard, pipelines_are_parted)
{
	char all[8192] = "";
	size_t at = 0;

	for (size_t i = 0; i < COUNT(valid); i++) {
		(void)strncat(all, valid[i], sizeof(all) - strlen(all) - 1);
	}
	for (size_t i = 0; i < COUNT(valid); i++) {
		outcome one = run_text(all + at);

		cr_assert_eq(one.verdict, PDB_GUARD_DONE);
		cr_assert_eq(one.used, strlen(valid[i]), "request %zu", i);
		at += one.used;
		pdb_message_fini(&one.message);
	}
	cr_expect_eq(at, strlen(all));
}

typedef struct refused_case {
	int status;
	const char *text;
} refused_case;

static const refused_case refused[] = {
	{400, "GET / HTTP/1.1\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\n" H H "\r\n"},
	{400, "GET / HTTP/1.0\r\n" H H "\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: \r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: []\r\n\r\n"},
	{400, "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: +1\r\n\r\na"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 1,1\r\n\r\na"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: \r\n\r\na"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\nContent-Length: 1\r\n\r\na"},
	{400, "POST / HTTP/1.1\r\n" H "Content-Length: 1\r\ncontent-length: 2\r\n\r\na"},
	{413, "POST / HTTP/1.1\r\n" H "Content-Length: 65\r\n\r\n"},
	{413, "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551617\r\n\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n"},
	{400, "POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n"},
	{501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n"},
	{501, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip,\tchunked\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, gzip\r\n"},
	{400, "POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n"},
	{417, "POST / HTTP/1.1\r\n" H "Expect: x\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X : y\r\n"},
	{400, "GET / HTTP/1.1\r\n" H " X: y\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X: y\nZ: z\r\n"},
	{400, "GET / HTTP/1.1\n"},
	{400, "GET / HTTP/1.1\r\n" H "X: y\rz\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X: \x01\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "X: \x7f\r\n"},
	{400, "GET / HTTP/1.1\r\n" H "\xc3: y\r\n"},
	{400, "GET / HTTP/1.1\r\n" H ": y\r\n"},
	{501, "BREW / HTTP/1.1\r\n"},
	{501, "get / HTTP/1.1\r\n"},
	{501, "TRACE / HTTP/1.1\r\n"},
	{501, "AAAAAAAAAAAAAAAAA"},
	{400, "GET  /"},
	{400, "GET a"},
	{400, "GET * HTTP/1.1"},
	{400, "GET /a\tb"},
	{400, "GET /\x80"},
	{400, "GET /#"},
	{400, "GET /%4"
	      "z"},
	{400, "GET /%00"},
	{400, "GET /?%0"
	      "0"},
	{400, "GET http:///a"},
	{400, "GET http://a@b/"},
	{400, "GET http://a:65536/"},
	{400, "GET ftp://a/"},
	{400, "GET /\r\n"},
	{400, "GET / HTTP/1.1 \r\n"},
	{400, "GET / HTTP/11\r\n"},
	{400, "GET / http/1.1\r\n"},
	{505, "GET / HTTP/2.0\r\n"},
	{505, "GET / HTTP/0.9\r\n"},
	{505, "GET / HTTP/1.2\r\n"},
	{400, "\r\n\r\n\r\n"},
	{400, "\rG"},
	{400, "\n"},
	{0, "\x16\x03\x01"},
	{0, "PRI * HTTP/2.0\r\n"},
	{414, "GET /aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	{431, "GET / HTTP/1.1\r\n" H "1: 2\r\n1: 2\r\n1: 2\r\n1: 2\r\n1: 2\r\n1: 2\r\n1: 2\r\n"
	      "1: 2\r\n1: 2\r\n1: 2\r\n"},
};

Test(guard, refusals_have_their_status_however_they_are_cut)
{
	for (size_t i = 0; i < COUNT(refused); i++) {
		pdb_slice text = pdb_slice_text(refused[i].text);

		for (size_t piece = 1; piece <= text.len; piece++) {
			outcome one = run(text, piece, piece);

			cr_expect_eq(one.verdict, PDB_GUARD_REFUSED, "%s", refused[i].text);
			cr_expect_eq(one.status, refused[i].status, "%d for %s", one.status,
				     refused[i].text);
			pdb_message_fini(&one.message);
		}
	}
}

static const refused_case chunked[] = {
	{400, "0x3\r\n"},
	{400, "+3\r\n"},
	{400, " 3\r\n"},
	{400, "3 \r\n"},
	{400, "\r\n"},
	{400, ";a\r\n"},
	{400, "00000000000000003\r\n"},
	{413, "41\r\n"},
	{413, "ffffffffffffffff\r\n"},
	{413, "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n1\r\n"},
	{400, "3\nabc"},
	{400, "3\r\nabcd"},
	{400, "3\r\nabc\n"},
	{400, "3\r\nabc\r\r"},
	{400, "3;a\nb"},
	{400, "3;a\x01"},
	{400, "0\r\nX : y\r\n"},
	{400, "0\r\n\n"},
	{400, "0\r\n\r\r"},
};

Test(guard, broken_chunks_are_refused)
{
	for (size_t i = 0; i < COUNT(chunked); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text),
			       "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n%s",
			       chunked[i].text);
		for (size_t piece = 1; piece <= strlen(text); piece++) {
			outcome one = run(pdb_slice_text(text), piece, piece);

			cr_expect_eq(one.verdict, PDB_GUARD_REFUSED, "%s", text);
			cr_expect_eq(one.status, chunked[i].status, "%d for %s", one.status, text);
			pdb_message_fini(&one.message);
		}
	}
}

Test(guard, singles_must_be_single)
{
	static const char *const names[] = {"Authorization",    "X-API-Key",       "X-User-ID",
					    "X-User-Signature", "Idempotency-Key", "If-Match",
					    "Content-Type",     "Origin"};

	for (size_t i = 0; i < COUNT(names); i++) {
		char text[256];
		outcome one;

		(void)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" H "%s: a\r\n%s: a\r\n\r\n",
			       names[i], names[i]);
		one = run_text(text);
		cr_expect_eq(one.status, 400, "%s", names[i]);
		pdb_message_fini(&one.message);
	}
}

Test(guard, nul_is_refused_everywhere)
{
	const char *text = "GET /a HTTP/1.1\r\n" H "X: y\r\n\r\n";

	for (size_t i = 0; i < strlen(text); i++) {
		char copy[64];
		outcome one;

		memcpy(copy, text, strlen(text));
		copy[i] = '\0';
		one = run(pdb_slice_of(copy, strlen(text)), SIZE_MAX, SIZE_MAX);
		cr_expect_eq(one.verdict, PDB_GUARD_REFUSED, "at %zu", i);
		pdb_message_fini(&one.message);
	}
}

Test(guard, the_message_says_what_was_sent)
{
	outcome one = run_text("PUT http://b:80/x/%41?q=1&r HTTP/1.1\r\n" H
			       "X-One:  a b \r\nTransfer-Encoding: chunked\r\nX-one: c\r\n\r\n"
			       "2;e\r\nab\r\n1\r\nc\r\n0\r\nX-Two: no\r\n\r\nGET");
	pdb_slice value = {0};

	cr_assert_eq(one.verdict, PDB_GUARD_DONE);
	cr_expect_eq(one.message.method, PDB_METHOD_PUT);
	cr_expect(pdb_slice_is(pdb_message_span(&one.message, one.message.path), "/x/%41"));
	cr_expect(pdb_slice_is(pdb_message_span(&one.message, one.message.query), "q=1&r"));
	cr_expect(pdb_slice_is(pdb_buf_slice(&one.message.body), "abc"));
	cr_expect(pdb_message_field(&one.message, "x-ONE", 0, &value));
	cr_expect(pdb_slice_is(value, "a b"));
	cr_expect(pdb_message_field(&one.message, "X-One", 1, &value));
	cr_expect(pdb_slice_is(value, "c"));
	cr_expect_not(pdb_message_field(&one.message, "X-One", 2, &value));
	cr_expect_not(pdb_message_field(&one.message, "X-Two", 0, &value),
		      "a trailer is no header");
	cr_expect_eq(one.message.count, 4);
	cr_expect(one.message.persistent);
	pdb_message_clear(&one.message);
	cr_expect_not(pdb_message_field(&one.message, "X-One", 0, &value));
	pdb_message_fini(&one.message);
}

Test(guard, persistence)
{
	static const struct {
		bool persistent;
		const char *text;
	} cases[] = {
		{true, "GET / HTTP/1.1\r\n" H "\r\n"},
		{false, "GET / HTTP/1.1\r\n" H "Connection: CLOSE\r\n\r\n"},
		{false, "GET / HTTP/1.1\r\n" H "Connection: a ,\tclose, b\r\n\r\n"},
		{true, "GET / HTTP/1.1\r\n" H "Connection: closed, xclose\r\n\r\n"},
		{false, "GET / HTTP/1.0\r\n\r\n"},
		{true, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"},
		{false, "GET / HTTP/1.0\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		outcome one = run_text(cases[i].text);

		cr_expect_eq(one.verdict, PDB_GUARD_DONE, "%s", cases[i].text);
		cr_expect_eq(one.message.persistent, cases[i].persistent, "%s", cases[i].text);
		pdb_message_fini(&one.message);
	}
}

Test(guard, limits_hold_to_the_byte)
{
	char text[2048];
	outcome one;

	(void)snprintf(text, sizeof(text), "GET /%063d HTTP/1.1\r\n" H "\r\n", 0);
	one = run_text(text);
	cr_expect_eq(one.verdict, PDB_GUARD_DONE);
	pdb_message_fini(&one.message);
	(void)snprintf(text, sizeof(text), "GET /%064d HTTP/1.1\r\n" H "\r\n", 0);
	one = run_text(text);
	cr_expect_eq(one.status, 414);
	pdb_message_fini(&one.message);
	/* "Host: a" 9, "X: " and its end 5, the empty line 2: 496 are left. */
	(void)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" H "X: %0496d\r\n\r\n", 0);
	one = run_text(text);
	cr_expect_eq(one.verdict, PDB_GUARD_DONE);
	pdb_message_fini(&one.message);
	(void)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n" H "X: %0498d\r\n\r\n", 0);
	one = run_text(text);
	cr_expect_eq(one.status, 431);
	pdb_message_fini(&one.message);
	(void)snprintf(text, sizeof(text),
		       "POST / HTTP/1.1\r\n" H "Content-Length: 64\r\n\r\n%064d", 0);
	one = run_text(text);
	cr_expect_eq(one.verdict, PDB_GUARD_DONE);
	pdb_message_fini(&one.message);
}

Test(guard, continue_is_wanted_until_the_body_begins)
{
	const char *head = "POST / HTTP/1.1\r\n" H "Expect: 100-continue\r\n"
			   "Content-Length: 2\r\n\r\n";
	pdb_message message = {0};
	pdb_guard guard;
	size_t used;

	pdb_guard_begin(&guard, &limits, &message);
	cr_expect_not(pdb_guard_started(&guard));
	cr_expect_eq(pdb_guard_feed(&guard, pdb_slice_text(head), &used), PDB_GUARD_MORE);
	cr_expect(pdb_guard_started(&guard));
	cr_expect(pdb_guard_in_body(&guard));
	cr_expect(guard.continue_wanted);
	cr_expect_eq(pdb_guard_feed(&guard, PDB_SLICE("a"), &used), PDB_GUARD_MORE);
	cr_expect_not(guard.continue_wanted);
	pdb_message_fini(&message);
}
