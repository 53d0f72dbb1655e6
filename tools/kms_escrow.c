/* SPDX-License-Identifier: Apache-2.0 */
/* pdbctl kms export, import: wrapped keys as lines, and back into the keyring or a copy of it. */
#include <pdb/abi.h>
#include <sodium.h>
#include <stdio.h>

#include "base/json.h"
#include "tools/input.h"
#include "tools/kms.h"
#include "tools/progress.h"

/*
 * A file is a head, a line for every version of every key that lives, and an end that counts them:
 *
 *   {"format":"progressdb-keys","version":1}
 *   {"type":"key","id":"5f0c…","version":1,"thread":"t-1","wrapped":"<base64>"}
 *   {"type":"end","lines":1}
 *
 * What counts is "wrapped", and "held"; the rest is for people.
 */
#define FORMAT       "progressdb-keys"
#define FORMAT_HEAD  "{\"format\":\"" FORMAT "\",\"version\":1}"
#define WRAPPED_MAX  1024u
#define BASE64_MAX   (sodium_base64_ENCODED_LEN(WRAPPED_MAX, sodium_base64_VARIANT_ORIGINAL))
#define DESTROYED    "key_destroyed"
#define NO_SUCH_CALL "this KMS gives no wrapped keys"

typedef struct escrow_settings {
	pdb_kms_place place;
} escrow_settings;

static const pdb_arg escrow_args[] = {PDB_KMS_PLACE_ARGS(escrow_settings), {0}};

/* -- export ----------------------------------------------------------------------------------- */

typedef struct exporting {
	pdb_kms_session *session;
	pdb_progress bar;
	pdb_buf line;
	uint64_t keys;
	uint64_t total;
	uint64_t lines;
	pdb_err *err;
} exporting;

static void take_wrapped(void *arg, pdb_slice bytes)
{
	char text[BASE64_MAX];

	if (bytes.len <= WRAPPED_MAX) {
		(void)sodium_bin2base64(text, sizeof(text), bytes.ptr, bytes.len,
					sodium_base64_VARIANT_ORIGINAL);
		pdb_buf_add_text(arg, text);
	}
}

static pdb_status print_version(exporting *run, const pdb_kms_key *key, uint32_t version)
{
	const pdb_kms_session *session = run->session;
	pdb_status status;

	pdb_buf_clear(&run->line);
	pdb_buf_printf(&run->line,
		       "{\"type\":\"key\",\"id\":\"%s\",\"version\":%u,\"thread\":", key->id,
		       version);
	pdb_json_add_string(&run->line, pdb_slice_text(key->thread));
	pdb_buf_printf(&run->line, "%s,\"wrapped\":\"", key->held != 0 ? ",\"held\":true" : "");
	status = session->ops->wrapped(session->kms, key->id, version, take_wrapped, &run->line,
				       run->err);
	pdb_buf_add_text(&run->line, "\"}\n");
	if (status == PDB_OK) {
		status = pdb_buf_status(&run->line, run->err);
	}
	if (status == PDB_OK && fwrite(run->line.data, 1, run->line.len, stdout) != run->line.len) {
		status = pdb_err_set(run->err, PDB_EBACKEND, NULL, "the output cannot be written");
	}
	run->lines += status == PDB_OK;
	return status;
}

static pdb_status print_key(void *arg, const pdb_kms_key *key)
{
	exporting *run = arg;
	pdb_status status = PDB_OK;

	if (key->state == PDB_KMS_KEY_DESTROYED) {
		return PDB_OK;
	}
	for (uint32_t version = 1; version <= key->newest && status == PDB_OK; version++) {
		status = print_version(run, key, version);
	}
	run->keys++;
	pdb_progress_show(&run->bar, run->keys, run->total, run->keys);
	if (status == PDB_OK && pdb_interrupted()) {
		status = pdb_err_set(run->err, PDB_EBUSY, NULL,
				     "interrupted: the file is not whole");
	}
	return status == PDB_ENOTFOUND ? PDB_OK : status; /* destroyed meanwhile */
}

static pdb_status export_keys(exporting *run, pdb_err *err)
{
	const pdb_kms_session *session = run->session;
	pdb_kms_health health = {.size = sizeof(health)};
	pdb_status status = session->ops->health(session->kms, &health, err);

	if (status != PDB_OK) {
		return status;
	}
	run->total = health.keys;
	run->err = err;
	(void)printf(FORMAT_HEAD "\n");
	status = session->ops->each(session->kms, "", print_key, run, err);
	if (status != PDB_OK) {
		return status;
	}
	(void)printf("{\"type\":\"end\",\"lines\":%llu}\n", (unsigned long long)run->lines);
	return fflush(stdout) == 0
		       ? PDB_OK
		       : pdb_err_set(err, PDB_EBACKEND, NULL, "the output cannot be written");
}

static pdb_exit export_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	const escrow_settings *given = settings;
	pdb_kms_session session;
	exporting run = {.session = &session,
			 .bar = {.quiet = globals->quiet,
				 .verb = "exported",
				 .unit = "keys",
				 .plain = true}};
	pdb_err err = {0};
	pdb_status status;
	pdb_exit code = pdb_kms_session_begin(&session, &given->place);

	(void)operands;
	if (code != PDB_EXIT_OK) {
		return code;
	}
	status = PDB_HAS(session.ops, wrapped) ? export_keys(&run, &err)
					       : pdb_err_set(&err, PDB_ENOTSUP, NULL, NO_SUCH_CALL);
	pdb_progress_end(&run.bar);
	if (status != PDB_OK) {
		code = pdb_kms_failed(&err);
	} else if (!globals->quiet) {
		(void)fprintf(stderr, "exported %llu keys, %llu versions\n",
			      (unsigned long long)run.keys, (unsigned long long)run.lines);
	}
	pdb_buf_fini(&run.line);
	pdb_kms_session_end(&session);
	return code;
}

const pdb_command pdb_command_kms_export = {
	.name = "kms export",
	.summary = "write all keys out, wrapped as they are stored",
	.operands = "",
	.args = escrow_args,
	.settings_size = sizeof(escrow_settings),
	.text = "Writes every version of every key that lives to standard output, a line each, "
		"wrapped by\nits KEK version: nobody opens them without the KEK files and the "
		"master "
		"key. `kms import`\nputs back what an older copy of the keys lacks.",
	.examples = "  pdbctl kms export >keys.ndjson\n",
	.run = export_run,
};

/* -- import ----------------------------------------------------------------------------------- */

typedef struct importing {
	pdb_kms_session *session;
	pdb_input *input;
	pdb_progress bar;
	uint64_t lines;
	uint64_t stored;
	uint64_t destroyed;
	bool begun;
	bool ended;
} importing;

static pdb_status bad_line(const char *what, pdb_err *err)
{
	return pdb_err_set(err, PDB_EINVAL, NULL, "%s", what);
}

static pdb_status decode(pdb_slice object, uint8_t out[WRAPPED_MAX], size_t *len_out, pdb_err *err)
{
	pdb_slice value = {0};
	char text[BASE64_MAX];
	size_t len;

	if (!pdb_json_member(object, "wrapped", &value) ||
	    pdb_json_type_of(value) != PDB_JSON_STRING || value.len > sizeof(text)) {
		return bad_line("\"wrapped\" must be a wrapped key", err);
	}
	len = pdb_json_unescape(value, text);
	if (sodium_base642bin(out, WRAPPED_MAX, text, len, NULL, len_out, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0) {
		return bad_line("\"wrapped\" is not in base64", err);
	}
	return PDB_OK;
}

/* A hold goes with its key. */
static pdb_status restore_hold(const pdb_kms_session *session, pdb_slice object, pdb_err *err)
{
	char id[PDB_KMS_ID_SIZE];
	char text[6 * PDB_KMS_ID_SIZE];
	pdb_slice value = {0};
	size_t len = 0;

	if (!pdb_json_member(object, "held", &value)) {
		return PDB_OK;
	}
	if (pdb_json_type_of(value) != PDB_JSON_TRUE) {
		return bad_line("\"held\" must be true", err);
	}
	if (pdb_json_member(object, "id", &value) && pdb_json_type_of(value) == PDB_JSON_STRING &&
	    value.len <= sizeof(text)) {
		len = pdb_json_unescape(value, text);
	}
	if (len == 0 || len >= sizeof(id)) {
		return bad_line("\"id\" must be the id of a key", err);
	}
	memcpy(id, text, len);
	id[len] = '\0';
	return session->ops->hold(session->kms, id, true, session->actor, err);
}

static pdb_status import_key(importing *run, pdb_slice object, pdb_err *err)
{
	const pdb_kms_session *session = run->session;
	uint8_t wrapped[WRAPPED_MAX];
	size_t len = 0;
	bool stored = false;
	pdb_status status = decode(object, wrapped, &len, err);

	if (status == PDB_OK) {
		status = session->ops->restore(session->kms, pdb_slice_of(wrapped, len),
					       session->actor, &stored, err);
	}
	run->lines++;
	run->stored += stored;
	if (status == PDB_ENOTFOUND && err->code != NULL && strcmp(err->code, DESTROYED) == 0) {
		run->destroyed++;
		return PDB_OK;
	}
	return status == PDB_OK ? restore_hold(session, object, err) : status;
}

static pdb_status import_end(importing *run, pdb_slice object, pdb_err *err)
{
	pdb_slice value = {0};
	int64_t lines = -1;

	run->ended = true;
	if (!pdb_json_member(object, "lines", &value) || !pdb_json_to_int(value, &lines) ||
	    lines < 0 || (uint64_t)lines != run->lines) {
		return pdb_err_set(err, PDB_EINVAL, NULL,
				   "the file has %llu keys, and its end says another number: it is "
				   "not whole",
				   (unsigned long long)run->lines);
	}
	return PDB_OK;
}

static pdb_status import_line(importing *run, pdb_slice text, pdb_err *err)
{
	pdb_slice object = {0};
	pdb_slice type = {0};
	pdb_status status = pdb_json_check(text, &object, err);

	if (status != PDB_OK) {
		return status;
	}
	if (!run->begun) {
		run->begun = pdb_slice_is(object, FORMAT_HEAD);
		return run->begun ? PDB_OK : bad_line("the first line must be " FORMAT_HEAD, err);
	}
	if (run->ended) {
		return bad_line("nothing may follow the end", err);
	}
	if (pdb_json_type_of(object) == PDB_JSON_OBJECT) {
		(void)pdb_json_member(object, "type", &type);
	}
	if (pdb_slice_is(type, "\"end\"")) {
		return import_end(run, object, err);
	}
	return pdb_slice_is(type, "\"key\"") ? import_key(run, object, err)
					     : bad_line("\"type\" must be key or end", err);
}

static pdb_status import_lines(importing *run, pdb_err *err)
{
	pdb_slice line;
	pdb_status status = PDB_OK;

	while (status == PDB_OK && !pdb_interrupted()) {
		status = pdb_input_line(run->input, &line, err);
		if (status == PDB_OK) {
			status = import_line(run, line, err);
		}
		pdb_progress_show(&run->bar, pdb_input_raw_done(run->input),
				  pdb_input_raw_total(run->input), 0);
	}
	if (status == PDB_OK) {
		return pdb_err_set(
			err, PDB_EBUSY, NULL,
			"interrupted: the same command goes on, nothing is stored twice");
	}
	if (status != PDB_ESTOP) {
		return status;
	}
	return run->ended
		       ? PDB_OK
		       : bad_line("the last line, the end, is missing: the file is not whole", err);
}

static pdb_exit import_run(const pdb_globals *globals, const void *settings, char *const *operands)
{
	const escrow_settings *given = settings;
	pdb_kms_session session;
	importing run = {
		.session = &session,
		.bar = {.quiet = globals->quiet, .verb = "read", .unit = "bytes", .plain = true}};
	pdb_err err = {0};
	pdb_status status;
	pdb_exit code = pdb_kms_session_begin(&session, &given->place);

	if (code != PDB_EXIT_OK) {
		return code;
	}
	status = PDB_HAS(session.ops, restore) ? pdb_input_open(&run.input, operands[0], &err)
					       : pdb_err_set(&err, PDB_ENOTSUP, NULL, NO_SUCH_CALL);
	if (status == PDB_OK) {
		status = import_lines(&run, &err);
		pdb_progress_end(&run.bar);
		if (status != PDB_OK) {
			(void)pdb_err_wrap(&err, "%s:%llu", operands[0],
					   (unsigned long long)pdb_input_line_number(run.input));
		}
	}
	if (status != PDB_OK) {
		code = pdb_kms_failed(&err);
	}
	if (!globals->quiet && run.begun) {
		(void)printf("%llu versions of keys read: %llu were new, %llu are of keys that are "
			     "destroyed here and stay so\n",
			     (unsigned long long)run.lines, (unsigned long long)run.stored,
			     (unsigned long long)run.destroyed);
	}
	pdb_input_close(&run.input);
	pdb_kms_session_end(&session);
	return code;
}

const pdb_command pdb_command_kms_import = {
	.name = "kms import",
	.summary = "put wrapped keys back that a copy of the keys lacks",
	.operands = "FILE|-",
	.least = 1,
	.most = 1,
	.args = escrow_args,
	.settings_size = sizeof(escrow_settings),
	.text = "Reads what `kms export` wrote. Each key must open under a KEK version that this "
		"keyring\nhas, so it is for the keyring that wrote it, or a copy of it. Keys that "
		"are there are\ncompared; those that were destroyed here stay so. It may be run "
		"again.",
	.examples = "  pdbctl kms import keys.ndjson\n",
	.run = import_run,
};
