/* SPDX-License-Identifier: Apache-2.0 */
/* The HMAC of requests and answers, and the tokens it is made with. */
#include <sodium.h>

#include "wire/wire.h"

static void add_text(crypto_auth_hmacsha256_state *state, const char *text)
{
	(void)crypto_auth_hmacsha256_update(state, (const uint8_t *)text, strlen(text));
	(void)crypto_auth_hmacsha256_update(state, (const uint8_t *)"\n", 1);
}

static void compute(const wire_head *head, pdb_slice secret, const char *nonce, pdb_slice body,
		    char out[WIRE_MAC + 1])
{
	crypto_auth_hmacsha256_state state;
	uint8_t mac[crypto_auth_hmacsha256_BYTES];
	char number[32];

	(void)crypto_auth_hmacsha256_init(&state, secret.ptr, secret.len);
	add_text(&state, head->request ? "pdb/kms-request1" : "pdb/kms-answer1");
	add_text(&state, head->request ? wire_op_name(head->op) : "");
	(void)snprintf(number, sizeof(number), "%lld %u", (long long)head->time, head->status);
	add_text(&state, number);
	add_text(&state, nonce);
	(void)crypto_auth_hmacsha256_update(&state, body.ptr, body.len);
	(void)crypto_auth_hmacsha256_final(&state, mac);
	(void)sodium_bin2hex(out, WIRE_MAC + 1, mac, sizeof(mac));
	sodium_memzero(&state, sizeof(state));
}

void wire_prove_request(wire_head *head, pdb_slice secret, pdb_slice body)
{
	head->proven = true;
	compute(head, secret, head->nonce, body, head->mac);
}

void wire_prove_answer(wire_head *head, pdb_slice secret, const char *nonce, pdb_slice body)
{
	head->proven = true;
	memcpy(head->nonce, nonce, sizeof(head->nonce));
	compute(head, secret, nonce, body, head->mac);
}

static bool good(const wire_head *head, pdb_slice secret, const char *nonce, pdb_slice body)
{
	char wanted[WIRE_MAC + 1];

	compute(head, secret, nonce, body, wanted);
	return head->proven && sodium_memcmp(wanted, head->mac, WIRE_MAC) == 0;
}

bool wire_request_proven(const wire_head *head, pdb_slice secret, pdb_slice body)
{
	return head->request && good(head, secret, head->nonce, body);
}

bool wire_answer_proven(const wire_head *head, pdb_slice secret, const char *nonce, pdb_slice body)
{
	return !head->request && good(head, secret, nonce, body);
}

/* -- tokens -------------------------------------------------------------------------------------
 */

static const struct {
	const char *name;
	wire_role role;
} ROLES[] = {{"server", WIRE_ROLE_SERVER},
	     {"operator", WIRE_ROLE_OPERATOR},
	     {"auditor", WIRE_ROLE_AUDITOR}};

/* The next word, and what follows it. */
static pdb_slice word(pdb_slice *left)
{
	pdb_slice found;
	size_t len = 0;

	while (left->len > 0 && (left->ptr[0] == ' ' || left->ptr[0] == '\t')) {
		*left = pdb_slice_skip(*left, 1);
	}
	while (len < left->len && left->ptr[len] > ' ' && left->ptr[len] < 0x7f) {
		len++;
	}
	found = pdb_slice_of(left->ptr, len);
	*left = pdb_slice_skip(*left, len);
	return found;
}

/* "server+operator"; 0 when a part of it is no role. */
static unsigned roles_of(pdb_slice text)
{
	unsigned roles = 0;

	while (text.len > 0) {
		const uint8_t *plus = memchr(text.ptr, '+', text.len);
		size_t len = plus != NULL ? (size_t)(plus - text.ptr) : text.len;
		unsigned found = 0;

		for (size_t i = 0; i < sizeof(ROLES) / sizeof(ROLES[0]); i++) {
			if (pdb_slice_compare(pdb_slice_of(text.ptr, len),
					      pdb_slice_text(ROLES[i].name)) == 0) {
				found = ROLES[i].role;
			}
		}
		if (found == 0) {
			return 0;
		}
		roles |= found;
		text = pdb_slice_skip(text, len + 1);
	}
	return roles;
}

bool wire_token_read(pdb_slice line, wire_token *out)
{
	pdb_slice role;
	pdb_slice name;
	pdb_slice secret;

	*out = (wire_token){0};
	while (line.len > 0 && line.ptr[line.len - 1] <= ' ') {
		line.len--;
	}
	role = word(&line);
	name = word(&line);
	secret = word(&line);
	out->roles = roles_of(role);
	if (out->roles == 0 || line.len > 0 || name.len == 0 || name.len > WIRE_NAME ||
	    secret.len < WIRE_SECRET_MIN || secret.len > WIRE_SECRET_MAX) {
		return false;
	}
	memcpy(out->name, name.ptr, name.len);
	memcpy(out->secret, secret.ptr, secret.len);
	out->secret_len = secret.len;
	return true;
}
