/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers between a server and its KMS. */
#ifndef PDB_WIRE_WIRE_H
#define PDB_WIRE_WIRE_H

#include <pdb/host.h>
#include <pdb/kms.h>

/*
 * A request is POST /v1/<op> with a body of one layout for all ops; an op uses some of its fields.
 * An answer has one layout too. Numbers are little-endian; schemas/kms-wire.md shows the bytes.
 * Readers take any bytes, borrow from them, and say false for what no writer here wrote.
 */
#define WIRE_BODY_MAX ((size_t)2 * 1024 * 1024)
#define WIRE_HEAD_MAX 2048u
#define WIRE_KEYS_MAX 1000u /* in one answer */

/* XX(NAME, name in the path, role that may call it, may it be sent again) */
#define WIRE_OPS(XX)                                                                               \
	XX(CREATE, "create", SERVER, true)                                                         \
	XX(PREPARE, "prepare", SERVER, true)                                                       \
	XX(CLAIM, "claim", SERVER, true)                                                           \
	XX(UNWRAP, "unwrap", SERVER, true)                                                         \
	XX(ADD_VERSION, "add_version", SERVER, true)                                               \
	XX(ENCRYPT, "encrypt", SERVER, true)                                                       \
	XX(DECRYPT, "decrypt", SERVER, true)                                                       \
	XX(DESCRIBE, "describe", ANY, true)                                                        \
	XX(DESTROY, "destroy", BOTH, true)                                                         \
	XX(HOLD, "hold", BOTH, true)                                                               \
	XX(ROTATE_KEK, "rotate_kek", BOTH, false)                                                  \
	XX(ADD_KEK, "add_kek", OPERATOR, false)                                                    \
	XX(SET_KEK, "set_kek", OPERATOR, true)                                                     \
	XX(REWRAP_KEY, "rewrap_key", BOTH, true)                                                   \
	XX(REWRAP, "rewrap", BOTH, true)                                                           \
	XX(VERIFY, "verify", BOTH, true)                                                           \
	XX(RETIRE, "retire", OPERATOR, true)                                                       \
	XX(WRAPPED, "wrapped", OPERATOR, true)                                                     \
	XX(RESTORE, "restore", OPERATOR, true)                                                     \
	XX(SHRED_STATUS, "shred_status", ANY, true)                                                \
	XX(RECEIPT, "receipt", ANY, true)                                                          \
	XX(EACH, "each", ANY, true)                                                                \
	XX(KEKS, "keks", ANY, true)                                                                \
	XX(HEALTH, "health", ANY, true)                                                            \
	XX(STATS, "stats", ANY, true)                                                              \
	XX(PUBLIC_KEY, "public_key", ANY, true)

typedef enum wire_op {
	WIRE_OP_NONE = 0,
#define WIRE_ENUM(name, text, role, again) WIRE_OP_##name,
	WIRE_OPS(WIRE_ENUM)
#undef WIRE_ENUM
	WIRE_OP_END
} wire_op;

/* Roles are bits; a caller has one. */
typedef enum wire_role {
	WIRE_ROLE_NONE = 0,
	WIRE_ROLE_SERVER = 1,
	WIRE_ROLE_OPERATOR = 2,
	WIRE_ROLE_AUDITOR = 4
} wire_role;

const char *wire_op_name(wire_op op);
/* WIRE_OP_NONE for an unknown name. */
wire_op wire_op_find(pdb_slice name);
/* The roles that may call it, as bits. */
unsigned wire_op_roles(wire_op op);
/* Whether sending it twice does no harm. */
bool wire_op_again(wire_op op);

/* -- bodies -------------------------------------------------------------------------------------
 */

typedef struct wire_request {
	pdb_slice id;
	pdb_slice thread;
	pdb_slice actor;
	uint32_t version;
	uint32_t number; /* a state, a limit, a count, 0 or 1 */
	pdb_kms_progress progress;
	pdb_slice aad;
	pdb_slice bytes;
} wire_request;

typedef struct wire_answer {
	pdb_status status;
	pdb_slice code;
	pdb_slice text;
	uint32_t number;
	pdb_kms_progress progress;
	pdb_kms_health health;
	pdb_kms_shred shred;
	uint32_t key_count;
	uint32_t kek_count;
	uint32_t stat_count;
	pdb_slice keys; /* the rows, for wire_key_next and its like */
	pdb_slice keks;
	pdb_slice stats;
	pdb_slice bytes;
} wire_answer;

/* Bytes that may hold keys: wiped when they are moved or freed. A failure stays. */
typedef struct wire_buf {
	const pdb_host *host;
	uint8_t *ptr;
	size_t len;
	size_t cap;
	bool failed;
} wire_buf;

void wire_buf_fini(wire_buf *buf);
/* Room for `more` bytes behind what is there; NULL and failed when there is none. */
uint8_t *wire_buf_room(wire_buf *buf, size_t more);

void wire_request_write(wire_buf *out, const wire_request *request);
bool wire_request_read(pdb_slice body, wire_request *out);

/* The rows come first, in this order; `answer` has their counts. */
void wire_key_write(wire_buf *out, const pdb_kms_key *key);
void wire_kek_write(wire_buf *out, const pdb_kms_kek *kek);
void wire_stat_write(wire_buf *out, const char *name, double value);
void wire_answer_write(wire_buf *out, const wire_answer *answer);
bool wire_answer_read(pdb_slice body, wire_answer *out);
/* Takes one row from the front. A DEK goes to key->dek when that is set. Rows of an answer that was
 * read are whole; false at the end. */
bool wire_key_next(pdb_slice *rows, pdb_kms_key *key);
bool wire_kek_next(pdb_slice *rows, pdb_kms_kek *kek);
bool wire_stat_next(pdb_slice *rows, char name[64], double *value);

/* -- heads --------------------------------------------------------------------------------------
 */

#define WIRE_NONCE 32u /* hex digits */
#define WIRE_MAC   64u /* hex digits */
#define WIRE_NAME  64u

typedef struct wire_head {
	bool request;
	wire_op op;      /* of a request */
	unsigned status; /* of an answer */
	size_t body;     /* its length */
	bool close;      /* the other side will say no more */
	bool proven;     /* the four below were there */
	int64_t time;    /* unix seconds */
	char nonce[WIRE_NONCE + 1];
	char mac[WIRE_MAC + 1];
	char token[WIRE_NAME + 1]; /* the name of the token; empty in answers */
} wire_head;

typedef enum wire_verdict {
	WIRE_MORE = 0, /* the head goes on */
	WIRE_DONE = 1,
	WIRE_BAD = 2
} wire_verdict;

/* Reads a head from the front; *used_out is its length. */
wire_verdict wire_head_read(pdb_slice bytes, wire_head *out, size_t *used_out);
/* Writes it; returns the length. */
size_t wire_head_write(const wire_head *head, char out[WIRE_HEAD_MAX]);

/* -- proofs -------------------------------------------------------------------------------------
 */

/* Fills head->mac for a request (op, time, nonce are set) or for the answer to one. */
void wire_prove_request(wire_head *head, pdb_slice secret, pdb_slice body);
void wire_prove_answer(wire_head *head, pdb_slice secret, const char *nonce, pdb_slice body);
/* True when head->mac is the right one. */
bool wire_request_proven(const wire_head *head, pdb_slice secret, pdb_slice body);
bool wire_answer_proven(const wire_head *head, pdb_slice secret, const char *nonce, pdb_slice body);

/* -- tokens -------------------------------------------------------------------------------------
 */

#define WIRE_SECRET_MAX 128u
#define WIRE_SECRET_MIN 32u

typedef struct wire_token {
	unsigned roles; /* bits of wire_role */
	char name[WIRE_NAME + 1];
	uint8_t secret[WIRE_SECRET_MAX];
	size_t secret_len;
} wire_token;

/* Reads the line "role name secret" (role: server, operator, auditor, or several
 * with + between; the secret 32 to 128
 * printable characters). False for anything else; empty lines and those that begin with # are not
 * lines. */
bool wire_token_read(pdb_slice line, wire_token *out);

/* -- endpoints ----------------------------------------------------------------------------------
 */

typedef struct wire_endpoint {
	bool tls;
	bool local;     /* a unix socket: `host` is its path */
	char host[256]; /* a name or an address without brackets */
	char port[8];
} wire_endpoint;

/* "unix:/path", "/path", "http://host:port", "https://host:port". Errors: PDB_EINVAL. */
pdb_status wire_endpoint_read(const char *text, wire_endpoint *out, pdb_err *err);
/* True for unix sockets, TLS, and addresses of the machine itself: what may go in clear there. */
bool wire_endpoint_safe(const wire_endpoint *endpoint);

#endif
