/* SPDX-License-Identifier: Apache-2.0 */
/* The key that signs the sets of a database: made once, kept beside it, and in no set. */
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/backup_private.h"
#include "base/text.h"

#define SEED_LEN      crypto_sign_SEEDBYTES
#define SIGNATURE_LEN crypto_sign_BYTES
#define SECRET_NAME   "backup.key"
#define PUBLIC_NAME   "backup.pub"
#define CONTEXT       "pdb/backup-sig1"

_Static_assert(PDB_BACKUP_KEY_SIZE == 2 * crypto_sign_PUBLICKEYBYTES + 1, "the key as hex");
_Static_assert(PDB__SIGNATURE_SIZE == 2 * SIGNATURE_LEN + 1, "a signature as hex");

/* -- files ------------------------------------------------------------------------------------- */

static pdb_status judge_secret(int fd, uint8_t seed[SEED_LEN], pdb_err *err)
{
	char text[2 * SEED_LEN + 1]; /* with the line break */
	pdb_status status = PDB_OK;
	struct stat info;

	if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) ||
	    (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		return pdb_err_set(err, PDB_EDENIED, NULL,
				   SECRET_NAME " must be a file for its owner alone (0600).");
	}
	if (info.st_size != (off_t)sizeof(text) ||
	    pdb__part_read(fd, text, sizeof(text)) != (ssize_t)sizeof(text) ||
	    text[2 * SEED_LEN] != '\n' || !pdb_hex_decode(seed, pdb_slice_of(text, 2 * SEED_LEN))) {
		status = pdb_err_set(err, PDB_ECORRUPT, NULL,
				     SECRET_NAME " is not a line of 64 hex digits.");
	}
	sodium_memzero(text, sizeof(text));
	return status;
}

static pdb_status read_secret(int folder, uint8_t seed[SEED_LEN], pdb_err *err)
{
	int fd = openat(folder, SECRET_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	pdb_status status;

	if (fd < 0) {
		return pdb__backup_errno(err, "open", SECRET_NAME);
	}
	status = judge_secret(fd, seed, err);
	(void)close(fd);
	return status;
}

/* A line that is there whole, or not at all. */
static pdb_status write_line(int folder, const char *name, pdb_slice bytes, pdb_err *err)
{
	char text[2 * SEED_LEN + 2]; /* the seed and the public key are as long */
	char hidden[32];
	int fd;
	pdb_status status = PDB_OK;

	pdb_hex_encode(text, bytes);
	text[2 * bytes.len] = '\n';
	(void)snprintf(hidden, sizeof(hidden), ".%s", name);
	(void)unlinkat(folder, hidden, 0);
	fd = openat(folder, hidden, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || pdb__part_write(fd, pdb_slice_of(text, 2 * bytes.len + 1)) != 0 ||
	    fsync(fd) != 0 || renameat(folder, hidden, folder, name) != 0 || fsync(folder) != 0) {
		status = pdb__backup_errno(err, "write", name);
	}
	if (fd >= 0) {
		(void)close(fd);
	}
	sodium_memzero(text, sizeof(text));
	return status;
}

/* -- the key ----------------------------------------------------------------------------------- */

static pdb_status find_or_make(int folder, uint8_t seed[SEED_LEN], pdb_err *err)
{
	pdb_status status = read_secret(folder, seed, err);

	if (status != PDB_ENOTFOUND) {
		return status;
	}
	randombytes_buf(seed, SEED_LEN);
	return write_line(folder, SECRET_NAME, pdb_slice_of(seed, SEED_LEN), err);
}

pdb_status pdb__signer_init(pdb__signer *out, const char *state, pdb_err *err)
{
	int folder = open(state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
	uint8_t seed[SEED_LEN];
	pdb_status status;

	if (folder < 0) {
		return pdb__backup_errno(err, "open the directory", state);
	}
	status = find_or_make(folder, seed, err);
	if (status == PDB_OK) {
		(void)crypto_sign_seed_keypair(public_key, out->secret, seed);
		pdb_hex_encode(out->key, pdb_slice_of(public_key, sizeof(public_key)));
		status = write_line(folder, PUBLIC_NAME,
				    pdb_slice_of(public_key, sizeof(public_key)), err);
	}
	sodium_memzero(seed, sizeof(seed));
	(void)close(folder);
	return status;
}

void pdb__signer_fini(pdb__signer *signer)
{
	sodium_memzero(signer->secret, sizeof(signer->secret));
}

/* -- signatures -------------------------------------------------------------------------------- */

#define MESSAGE_LEN (sizeof(CONTEXT) - 1 + PDB__DIGEST_LEN)

/* A manifest may be long: its digest is signed. */
static void make_message(uint8_t out[MESSAGE_LEN], pdb_slice text)
{
	memcpy(out, CONTEXT, sizeof(CONTEXT) - 1);
	(void)crypto_generichash(out + sizeof(CONTEXT) - 1, PDB__DIGEST_LEN, text.ptr, text.len,
				 NULL, 0);
}

void pdb__signer_sign(const pdb__signer *signer, pdb_slice text, char hex_out[PDB__SIGNATURE_SIZE])
{
	uint8_t signature[SIGNATURE_LEN];
	uint8_t message[MESSAGE_LEN];

	make_message(message, text);
	(void)crypto_sign_detached(signature, NULL, message, sizeof(message), signer->secret);
	pdb_hex_encode(hex_out, pdb_slice_of(signature, sizeof(signature)));
}

bool pdb__signature_good(const char *key, pdb_slice text, pdb_slice hex)
{
	uint8_t public_key[crypto_sign_PUBLICKEYBYTES];
	uint8_t signature[SIGNATURE_LEN];
	uint8_t message[MESSAGE_LEN];
	char again[PDB__SIGNATURE_SIZE];

	if (strlen(key) != 2 * sizeof(public_key) ||
	    !pdb_hex_decode(public_key, pdb_slice_text(key)) || hex.len != 2 * SIGNATURE_LEN ||
	    !pdb_hex_decode(signature, hex)) {
		return false;
	}
	/* A digit in capitals says the same, but is a byte that has changed. */
	pdb_hex_encode(again, pdb_slice_of(signature, sizeof(signature)));
	make_message(message, text);
	return memcmp(again, hex.ptr, hex.len) == 0 &&
	       crypto_sign_verify_detached(signature, message, sizeof(message), public_key) == 0;
}
